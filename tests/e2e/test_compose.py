"""What ``docker compose up`` starts, without Docker: the commands and the environment of the compose file as they
stand, its host names and ports moved to free ports of this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.etcd_server import EtcdServer, free_ports
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.system import Process, Simulators, call, wait_for

ROOT = Path(__file__).parents[2]
SECRETS = {
    "TOLLHOUSE_ADMIN_KEY": "admin-key-of-the-compose-file",
    "TOLLHOUSE_SEALING_KEY": "c2VhbGluZy1rZXktb2YtdGhlLWNvbXBvc2UtZmlsZSE=",
    "POSTGRES_PASSWORD": "password-of-the-compose-file",
    "OPENAI_API_KEY": "sk-of-openai",
    "ANTHROPIC_API_KEY": "sk-of-anthropic",
}


class Composed:
    """The services of the file, those of ours as processes; etcd, PostgreSQL and Redis are the machine's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services = yaml.safe_load((ROOT / "deploy/compose/docker-compose.yml").read_text())["services"]
        self.simulators = Simulators()
        self.etcd = EtcdServer(folder, extra=self._etcd_options(), durable=False)
        self.postgres = PostgresServer().start()
        self.redis = RedisServer(*self.services["redis"]["command"][1:], "--dir", str(folder))
        names = ("9080", "9443", "9090", "9092", "9180", "9181")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.processes: list[Process] = []

    def start(self) -> None:
        self.etcd.start()
        self.redis.start()
        for name in ("controlplane", "gateway"):
            self.run(name).start()

    def run(self, name: str) -> Process:
        """A service of ours as a process, not yet started."""
        service = self.services[name]
        program, *arguments = (self._here(part) for part in service["command"])
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        environment = {key: self._here(value) for key, value in self._environment(service["environment"]).items()}
        endpoints = {
            "TOLLHOUSE_ENDPOINT_OPENAI": self.simulators.openai.url,
            "TOLLHOUSE_ENDPOINT_ANTHROPIC": self.simulators.anthropic.url,
        }
        process = Process(self.folder, name, command, {**environment, **endpoints})
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        for server in (self.redis, self.etcd):
            server.kill()
        self.postgres.stop()
        self.simulators.close()

    def _etcd_options(self) -> tuple[str, ...]:
        own = ("--name", "--data-dir", "--listen-client-urls", "--advertise-client-urls")
        return tuple(part for part in self.services["etcd"]["command"][1:] if not part.startswith(own))

    def _environment(self, environment: dict[str, Any]) -> dict[str, str]:
        return {key: str(value) for key, value in environment.items()}

    def _here(self, text: str) -> str:
        text = re.sub(r"\$\{(\w+):[?-][^}]*\}", lambda found: SECRETS[found[1]], text)
        text = text.replace("@postgres/tollhouse", f"@{self.postgres.url.rpartition('@')[2]}")
        text = text.replace("redis:6379", f"127.0.0.1:{self.redis.port}").replace("etcd:2379", self.etcd.address)
        text = re.sub(r"(0\.0\.0\.0|controlplane):(\d+)", lambda found: f"127.0.0.1:{self.ports[found[2]]}", text)
        text = text.replace("/examples/", f"{ROOT}/deploy/examples/")
        return text.replace("/var/lib/tollhouse", str(self.folder))


@pytest.fixture
def composed(tmp_path: Path) -> Iterator[Composed]:
    """The services, running."""
    made = Composed(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_the_tutorial_runs_on_what_the_compose_file_starts(composed: Composed) -> None:
    """The example is loaded by the service that loads it, the published request is answered by Claude, and the figures
    are where the file's Prometheus looks for them."""
    loading = composed.run("load-example")

    def loaded() -> bool:
        loading.start()  # the file restarts it until the control plane answers
        return loading.join() == 0

    wait_for(loaded, 40, "the example being loaded", loading.said)
    url = f"http://127.0.0.1:{composed.ports['9080']}"
    request = {"model": "claude-3-sonnet", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100}
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test-key"}

    def answered() -> bool:
        try:
            return call(f"{url}/v1/chat/completions", request, headers).status == 200
        except OSError:
            return False

    wait_for(answered, 20, "an answer", composed.processes[1].said)
    assert composed.simulators.anthropic.log
    (job,) = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())["scrape_configs"]
    assert "apisix_llm_completion_tokens" in call(f"{url}{job['metrics_path']}").text
    assert job["static_configs"] == [{"targets": ["gateway:9080"]}]
