"""Secrets are fetched from every kind of store, kept fresh, and their last values survive the store and the node."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.errors import GatewayFault
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.secret_stores import keeper as keeping
from tollhouse.dataplane.runtime.secret_stores.keeper import SecretKeeper
from tollhouse.dataplane.runtime.secrets import NodeSecrets
from tollhouse.proto.sealing import Sealer

from tests.support.certificates import Authority
from tests.support.secret_servers import SecretServers

SEALING = "sealing-key-of-the-tests-0123456789"


@pytest.fixture
async def servers() -> AsyncIterator[SecretServers]:
    one = await SecretServers().start()
    yield one
    await one.close()


class Node:
    """What of a supervisor matters here."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.state = ConfigState()
        self.secrets = NodeSecrets(SEALING, environ)
        self.told: list[Batch | None] = []
        self.keeper = SecretKeeper(self.state, self.secrets, Sealer([SEALING]), folder, self.told.append)

    async def take(self, objects: dict[str, Any], full: bool = True) -> None:
        puts = []
        for place, value in objects.items():
            kind, _, object_id = place.partition("/")
            puts.append(RawObject(kind, object_id, json.dumps(value).encode(), 1, 1))
        batch = Batch(1, full, tuple(puts))
        self.state.apply(batch)
        await self.keeper.take(batch)
        self.keeper.reload()

    def why(self, reference: str) -> str:
        with pytest.raises(GatewayFault) as caught:
            self.secrets.reveal(reference)
        return caught.value.message


def stores(servers: SecretServers, folder: Path) -> dict[str, Any]:
    account = {
        "client_email": "reader@tests.iam.example",
        "private_key": Sealer([SEALING]).seal(servers.google_key),
        "project_id": "p",
        "token_uri": f"{servers.url}/token",
        "entries_uri": f"{servers.url}/google",
    }
    aws = {"region": "eu-central-1", "endpoint_url": servers.url}
    return {
        "secrets/vault/one": {"uri": servers.url, "prefix": "kv/apisix", "token": "$env://VAULT_TOKEN"},
        "secrets/vault/two": {"uri": servers.url, "prefix": "kv2/a", "token": "$env://VAULT_TOKEN", "kv_version": 2},
        "secrets/vault/bad": {"uri": servers.url, "prefix": "kv", "token": "wrong"},
        "secrets/aws/1": {"access_key_id": servers.aws.id, "secret_access_key": servers.aws.secret, **aws},
        "secrets/gcp/1": {"auth_config": account},
        "secrets/file/run": {"directory": str(folder)},
    }


def naming(*references: str) -> dict[str, Any]:
    return {"providers/p": {"type": "openai", "auth": {"header": dict(enumerate(references))}}}


async def test_every_kind_of_store_is_read_in_its_own_way(servers: SecretServers, tmp_path: Path) -> None:
    """Each secret once, whatever fields of it are named; errors say what is wrong and nothing of what is there."""
    (tmp_path / "plain").write_text("from-a-file\n")
    (tmp_path / "fields.json").write_text('{"a": "b"}')
    (tmp_path / "out").symlink_to("/etc/passwd")
    node = Node(tmp_path / "state", VAULT_TOKEN=servers.vault_token)
    good = {
        "$secret://vault/one/openai/key": "sk-one",
        "$secret://vault/one/openai/other": "sk-two",
        "$secret://vault/two/openai/key": "sk-one",
        "$secret://aws/1/openai/key": "sk-one",
        "$secret://aws/1/openai": '{"key": "sk-one", "other": "sk-two"}',
        "$secret://gcp/1/openai/other": "sk-two",
        "$secret://file/run/plain": "from-a-file",
        "$secret://file/run/fields.json/a": "b",
    }
    bad = {
        "$secret://vault/one/openai/none": "no field 'none'",
        "$secret://vault/one/none/key": "answered 404: there is no such secret",
        "$secret://vault/bad/openai/key": "answered 403: the credentials may not read it",
        "$secret://vault/three/openai/key": "no secret store vault/three",
        "$secret://aws/1/none/key": "answered 400",
        "$secret://gcp/1/none": "answered 404",
        "$secret://file/run/out": "leads out of the folder",
        "$secret://file/run/none": "No such file",
        "$secret://file/run/plain/x": "no JSON",
    }
    await node.take({**stores(servers, tmp_path), **naming(*good, *bad)})
    assert {text: node.secrets.reveal(text) for text in good} == good
    for text, why in bad.items():
        assert why in node.why(text), node.why(text)
        assert "sk-" not in node.why(text)
    assert servers.asked.count("/v1/kv/apisix/openai") == 1
    assert "has not been fetched yet" in node.why("$secret://vault/one/openai/unnamed")
    await node.keeper.close()


async def test_values_are_refreshed_and_the_last_ones_stay_good(servers: SecretServers, tmp_path: Path) -> None:
    """Objects that name a changed secret are loaded again; a store that is away harms nobody, also after a restart."""
    reference = "$secret://vault/one/openai/key"
    node = Node(tmp_path, VAULT_TOKEN=servers.vault_token)
    await node.take({**stores(servers, tmp_path), **naming(reference)})
    node.told.clear()
    node.keeper.fresh_s = node.keeper.retry_s = 0.02
    running = asyncio.create_task(node.keeper.run())
    servers.secrets["openai"]["key"] = "sk-rotated"
    while node.secrets.reveal(reference) != "sk-rotated":
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.02)
    again = next(batch for batch in node.told if batch is not None)
    assert [(one.kind, one.id) for one in again.puts] == list(again.deletes) == [("providers", "p")]
    servers.down = True
    asked = len(servers.asked)
    while len(servers.asked) < asked + 2:
        await asyncio.sleep(0.01)
    assert node.secrets.reveal(reference) == "sk-rotated"
    running.cancel()
    kept = (tmp_path / "secrets.cache").read_text()
    assert "sk-rotated" not in kept
    assert (tmp_path / "secrets.cache").stat().st_mode & 0o077 == 0
    restarted = Node(tmp_path, VAULT_TOKEN=servers.vault_token)
    await restarted.take({**stores(servers, tmp_path), **naming(reference)})
    assert restarted.secrets.reveal(reference) == "sk-rotated"
    await node.keeper.close()
    await restarted.keeper.close()


async def test_a_slow_store_does_not_hold_up_the_configuration(
    servers: SecretServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes later is told later, and its objects are loaded again."""
    monkeypatch.setattr(keeping, "PATIENCE_S", 0.05)
    node = Node(tmp_path, VAULT_TOKEN=servers.vault_token)
    release = asyncio.Event()
    original = node.keeper._stores.value

    async def slow(*asked: Any) -> str:
        await release.wait()
        return await original(*asked)

    node.keeper._stores.value = slow  # type: ignore[method-assign]
    reference = "$secret://vault/one/openai/key"
    await node.take({**stores(servers, tmp_path), **naming(reference)})
    assert "not been fetched yet" in node.why(reference)
    running = asyncio.create_task(node.keeper.run())
    release.set()
    while not any(node.told):
        await asyncio.sleep(0.01)
    assert node.secrets.reveal(reference) == "sk-one"
    running.cancel()
    await node.keeper.close()


async def test_vault_over_tls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    """The named CA is believed, and no other."""
    authority = Authority(tmp_path / "ca")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("vault"))
    servers = await SecretServers().start(context)
    node = Node(tmp_path, VAULT_TOKEN=servers.vault_token)
    store = {"uri": servers.url, "prefix": "kv", "token": "$env://VAULT_TOKEN"}
    objects = {"secrets/vault/a": {**store, "ca_file": str(authority.ca_file)}, "secrets/vault/b": store}
    await node.take({**objects, **naming("$secret://vault/a/openai/key", "$secret://vault/b/openai/key")})
    assert node.secrets.reveal("$secret://vault/a/openai/key") == "sk-one"
    assert "cannot be reached" in node.why("$secret://vault/b/openai/key")
    await node.keeper.close()
    await servers.close()
