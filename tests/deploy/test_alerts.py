"""The alert rules: their metrics exist, they fire when they should, and a real Prometheus evaluates them on a node."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.support.node import Node
from tools.metric_families import families

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
CASES = Path(__file__).with_name("alerts")
NAME = re.compile(r"\b(?:tollhouse|apisix)_[a-z0-9_]+")


def rules() -> list[dict[str, Any]]:
    """All rules of the file."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def program(name: str) -> str:
    """The path of a program of Debian's prometheus package."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: install the prometheus package")
    return found


def test_each_metric_in_a_rule_or_its_advice_exists() -> None:
    """A renamed metric would silence an alert."""
    known = {series for family in families() for series in family.series}
    named = {name for rule in rules() for name in NAME.findall(json.dumps(rule))}
    assert named - known == set()
    assert len(named) > 10


def test_each_alert_says_what_and_what_to_do() -> None:
    """For somebody woken at night."""
    alerts = [rule for rule in rules() if "alert" in rule]
    assert [one["alert"] for one in alerts if set(one["annotations"]) != {"summary", "description"}] == []
    assert {one["labels"]["severity"] for one in alerts} == {"page", "ticket"}


def cases() -> dict[str, Any]:
    """promtool's tests by file, with what each alert's description is."""
    described = {one["alert"]: one["annotations"]["description"] for one in rules() if "alert" in one}
    found = {path.name: yaml.safe_load(path.read_text()) for path in sorted(CASES.glob("*.yml"))}
    for file in found.values():
        for case in (case for test in file["tests"] for case in test["alert_rule_test"]):
            for alert in case["exp_alerts"]:
                alert["exp_annotations"]["description"] = described[case["alertname"]]
    return found


def test_each_alert_is_seen_to_fire_and_to_keep_still() -> None:
    """An alert that nobody saw fire may never do so, and one that always fires is worse."""
    alerts = {one["alert"] for one in rules() if "alert" in one}
    tested = [case for file in cases().values() for test in file["tests"] for case in test["alert_rule_test"]]
    assert alerts - {case["alertname"] for case in tested if case["exp_alerts"]} == set()
    assert alerts - {case["alertname"] for case in tested if not case["exp_alerts"]} == set()


def test_rules_are_right_and_fire_when_they_should(tmp_path: Path) -> None:
    """promtool's own check, and its unit tests."""
    promtool = program("promtool")
    shutil.copy(RULES, tmp_path / "alerts.yml")
    for name, content in cases().items():
        (tmp_path / f"test_{name}").write_text(yaml.safe_dump(content))
    tests = [f"test_{name}" for name in cases()]
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", *tests]):
        done = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


CONFIG = """
routes:
  - id: r
    uri: /*
    plugins: { prometheus: {} }
    upstream: { type: roundrobin, nodes: { "127.0.0.1:1": 1 } }
#END
"""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node whose only upstream is dead."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    started = Node(tmp_path, "--config", str(path), "--workers", "1").start()
    try:
        yield await started.ready()
    finally:
        started.kill()


@pytest.fixture
async def prometheus(tmp_path: Path, node: Node) -> AsyncIterator[str]:
    """The address of a Prometheus that scrapes the node every second, with the shipped rules."""
    binary = program("prometheus")
    scrape = [{"job_name": "tollhouse", "static_configs": [{"targets": [node.addresses["control"]]}]}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": scrape,
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        binary,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address={address}",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield address
    finally:
        process.kill()
        await process.wait()


async def test_a_real_prometheus_scrapes_a_node_and_evaluates_the_rules(node: Node, prometheus: str) -> None:
    """Every rule is healthy, and what the node counted is what Prometheus has."""
    async with aiohttp.ClientSession() as session:
        for _ in range(20):
            async with session.get(node.http("/x")) as answer:
                assert answer.status >= 500

        async def ask(path: str, **query: str) -> Any:
            try:
                async with session.get(f"http://{prometheus}/api/v1/{path}", params=query) as answer:
                    return (await answer.json(content_type=None))["data"] if answer.status == 200 else {}
            except aiohttp.ClientError:
                return {}

        async with asyncio.timeout(30):
            while True:
                counted = (await ask("query", query='sum(apisix_http_status{code=~"5.."})')).get("result") or []
                told = [rule for group in (await ask("rules")).get("groups", ()) for rule in group["rules"]]
                if counted and counted[0]["value"][1] == "20" and told and all(one["health"] == "ok" for one in told):
                    break
                assert not [one for one in told if one["health"] == "err"], told
                await asyncio.sleep(0.3)
        assert len(told) == len(rules())
        up = await ask("query", query='up{job="tollhouse"}')
        assert [one["value"][1] for one in up["result"]] == ["1"]
