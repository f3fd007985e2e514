"""Budgets and the outbox of a real node, as a scrape shows them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import aiohttp

from tests.support.node import Node
from tests.support.providers import answer, openai_reply, providers


def value(text: str, name: str) -> float:
    """The one series of a metric."""
    [found] = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return float(found)


async def test_what_is_left_of_a_budget_and_what_waits_is_told(tmp_path: Path):
    """In the budget's own unit; without a control plane no record waits for long."""
    async with providers((answer(200, openai_reply(usage=(1000, 0, 100))),)) as [fake]:
        instance = {"name": "t", "provider": "openai", "weight": 1, "override": {"endpoint": fake.url}}
        instance["auth"] = {"header": {"authorization": "Bearer x"}}
        config = {
            "routes": [{"id": "r", "uri": "/*", "plugins": {"ai-proxy-multi": {"instances": [instance]}}}],
            "budgets": [{"id": "all", "unit": "usd", "amount": "2", "window": "day"}],
        }
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        node = await Node(tmp_path, "--config", str(path), "--workers", "1").start().ready()
        try:
            body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
            async with (
                aiohttp.ClientSession() as session,
                session.post(node.http("/v1/chat/completions"), json=body) as got,
            ):
                assert got.status == 200, await got.text()

            async def counted() -> bool:
                text = await node.metrics()
                return "tollhouse_budget_spent" in text and value(text, "tollhouse_budget_spent") > 0

            await node.until(counted)
            text = await node.metrics()
            spent = 1000 * 2.5e-6 + 100 * 10e-6
            assert round(value(text, "tollhouse_budget_spent"), 9) == round(spent, 9)
            assert round(value(text, "tollhouse_budget_remaining"), 9) == round(2 - spent, 9)
            assert value(text, "tollhouse_budget_limit") == 2
            assert 0 <= value(text, "tollhouse_budget_resets_timestamp_seconds") - time.time() <= 86400
            assert value(text, "tollhouse_budget_max_overshoot") == 0
            assert value(text, "tollhouse_outbox_waiting_records") == 0
            assert value(text, "tollhouse_outbox_bytes") >= 0
            assert value(text, "tollhouse_ledger_reachable") == 1
        finally:
            node.kill()
