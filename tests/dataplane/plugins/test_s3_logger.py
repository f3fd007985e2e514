"""s3-logger puts signed objects into a store, each batch once."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from tollhouse.dataplane import registry
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.s3_logger import S3Logger
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport

from tests.support.exchanges import finished_chat
from tests.support.services import PlainMetrics, PlainSecrets, plain_services

SECRETS = {"$env://ID": "AKIDEXAMPLE", "$env://KEY": "wJalrXUtnFEMI/K7MDENG"}


class Store:
    """An S3-compatible store as far as PUT goes: it computes the signature itself, from what arrived."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts = 0
        self.statuses: list[int] = []
        self.endpoint = ""

    async def put(self, request: web.Request) -> web.Response:
        self.puts += 1
        body = await request.read()
        if not self.proven(request, body):
            return web.Response(status=403, text="<Error><Code>SignatureDoesNotMatch</Code></Error>")
        self.objects[request.path] = body
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def proven(self, request: web.Request, body: bytes) -> bool:
        """As AWS describes it for S3."""
        head = request.headers
        if head["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return False
        scheme, _, rest = head["authorization"].partition(" ")
        told = dict(part.strip().split("=", 1) for part in rest.split(","))
        names = told["SignedHeaders"].split(";")
        if scheme != "AWS4-HMAC-SHA256" or "host" not in names or "x-amz-content-sha256" not in names:
            return False
        lines = [f"{name}:{head[name].strip()}" for name in names]
        digest = head["x-amz-content-sha256"]
        canonical = "\n".join(["PUT", request.raw_path, "", *lines, "", ";".join(names), digest])
        key_id, day, region, service, end = told["Credential"].split("/")
        scope = f"{day}/{region}/{service}/{end}"
        text = f"{scheme}\n{head['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4" + SECRETS["$env://KEY"].encode()
        for part in (day, region, service, end):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return (key_id, service, wanted) == (SECRETS["$env://ID"], "s3", told["Signature"])


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = Store()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_put("/{path:.*}", store.put)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield store
    await runner.cleanup()


@pytest.fixture
async def make(store: Store) -> AsyncIterator[Callable[..., tuple[S3Logger, PlainMetrics]]]:
    transport = LeanTransport()
    metrics = PlainMetrics()
    services = plain_services(transport=transport, metrics=metrics, secrets=PlainSecrets(SECRETS), hostname="n")

    def build(**config: Any) -> tuple[S3Logger, PlainMetrics]:
        told = {"access_key_id": "$env://ID", "secret_access_key": "$env://KEY", "retry_delay": 0, **config}
        loaded, _ = registry.load_plugin_config("s3-logger", {"bucket": "logs", "endpoint": store.endpoint, **told})
        return S3Logger(loaded, Place("routes", "r1"), services), metrics  # type: ignore[arg-type]

    yield build
    await transport.close()


def dropped(metrics: PlainMetrics) -> float:
    return metrics.series["tollhouse_log_entries_dropped_total", "s3-logger", "routes/r1"].value


async def test_a_batch_is_one_signed_object_of_lines(store: Store, make: Any) -> None:
    """Under prefix and hour; the store finds the signature right."""
    plugin, _ = make(batch_max_size=2, prefix="team/gateway")
    for _ in range(2):
        plugin.record(await finished_chat())
    await plugin.close()
    [(path, body)] = store.objects.items()
    assert path.startswith("/logs/team/gateway/")
    assert path.endswith(".jsonl.gz")
    assert [json.loads(line)["target"] for line in gzip.decompress(body).splitlines()] == ["gpt", "gpt"]


async def test_what_the_store_has_but_did_not_acknowledge_is_there_once(store: Store, make: Any) -> None:
    """At least once on the wire, once in the store."""
    store.statuses = [500, 503]
    plugin, metrics = make(batch_max_size=1, compress="none")
    plugin.record(await finished_chat())
    await plugin._sender._idle.wait()
    assert (store.puts, len(store.objects)) == (3, 1)
    assert dropped(metrics) == 0
    await plugin.close()


async def test_entries_nobody_takes_are_counted(store: Store, make: Any) -> None:
    """A wrong key stays a wrong key."""
    plugin, metrics = make(batch_max_size=1, max_retry_count=1, secret_access_key="another-key")
    plugin.record(await finished_chat())
    await plugin._sender._idle.wait()
    assert (store.puts, store.objects) == (2, {})
    assert dropped(metrics) == 1
    await plugin.close()


def test_addresses() -> None:
    """AWS has one host per bucket; another store has it in the path; what is no address is named."""
    config = {"bucket": "logs", "region": "eu-west-1", "access_key_id": "a", "secret_access_key": "b"}
    assert registry.check_plugin("s3-logger", config, "p") == []
    problems = registry.check_plugin("s3-logger", {**config, "endpoint": "ftp://x"}, "p")
    assert "endpoint" in str(problems[0])
