"""What finance asks and operators do about money, with real processes; what holds when they are killed is in faults."""

import json
import sqlite3
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tollhouse.proto.catalog import reader, source

from tests.support.money import ask, configure, key, nano
from tests.support.system import System, call, wait_for


def records(system: System) -> list[sqlite3.Row]:
    """Everything the ledger holds."""
    with sqlite3.connect(f"file:{system.folder / 'ledger.sqlite'}?mode=ro", uri=True, timeout=10) as database:
        database.row_factory = sqlite3.Row
        return database.execute("SELECT * FROM usage_records").fetchall()


def test_the_answers_of_cli_and_rest_agree(system: System) -> None:
    """Spend by consumer, by group with all below it, by session and hour; JSON, CSV; refusals name what there is."""
    configure(system)
    for number in range(4):
        assert system.chat(ask(), **key(number % 2, f"session-{number % 2}")).status == 200
    wait_for(lambda: len(records(system)) >= 4, 10, "four records")
    by_agent = json.loads(system.ctl("spend", "--by", "consumer", "-o", "json").stdout)
    assert {row["consumer"]: row["requests"] for row in by_agent["list"]} == {"agent0": 2, "agent1": 2}
    status, rest = system.admin_call("GET", "spend?group_by=consumer")
    assert (status, rest["total"]["cost_usd"]) == (200, by_agent["total"]["cost_usd"])
    company = json.loads(system.ctl("spend", "--by", "group", "--group", "company", "-o", "json").stdout)
    assert [row["group"] for row in company["list"]] == ["search"]
    assert company["total"] == by_agent["total"]
    sessions = json.loads(system.ctl("spend", "--by", "session,model", "-o", "json").stdout)
    assert {row["session"] for row in sessions["list"]} == {"session-0", "session-1"}
    assert sessions["total"]["cost_usd"] == by_agent["total"]["cost_usd"]
    table = system.ctl("spend", "--by", "hour", "-o", "csv").stdout.splitlines()
    assert table[0].startswith("hour,cost_usd,")
    assert len(table) >= 2
    refused = system.ctl("spend", "--by", "colour", check=False)
    assert refused.returncode == 1
    assert "there are consumer, group, model" in " ".join(refused.stderr.split())
    assert system.admin_call("GET", "spend?colour=red")[0] == 400


def test_top_forecast_savings_files_and_reconciliation(system: System, tmp_path: Path) -> None:
    """As finance types them; a report of the provider that says the same leaves nothing to do."""
    configure(system)
    assert system.chat(ask(), **key(0, "files")).status == 200
    wait_for(lambda: any(row["session"] == "files" for row in records(system)), 10, "the record")
    top = json.loads(system.ctl("spend", "top", "--by", "model", "-o", "json").stdout)
    assert sum(line["share"] for line in top["list"]) == pytest.approx(1)
    forecast = json.loads(system.ctl("spend", "forecast", "--period", "day", "-o", "json").stdout)
    assert nano(forecast["total"]["expected_usd"]) >= nano(forecast["total"]["spent_usd"]) > 0
    assert "SAVED BY ROUTING" in system.ctl("spend", "savings").stdout
    file = tmp_path / "focus.csv"
    system.ctl("spend", "export", "--what", "focus", "--file", str(file))
    assert file.read_text().startswith("BilledCost,BillingAccountId,")
    (mine,) = [row for row in records(system) if row["session"] == "files"]
    day = mine["started_ms"] // 86_400_000 * 86_400
    held = [row for row in records(system) if row["provider"] == "openai"]
    usage = {"model": "gpt-4o", "num_model_requests": sum(row["cost_nano"] > 0 for row in held)}
    usage |= {kind: sum(row[kind] for row in held) for kind in ("input_tokens", "output_tokens")}
    usage["input_cached_tokens"] = sum(row["cached_tokens"] for row in held)
    report = tmp_path / "usage.json"
    bucket = {"start_time": day, "end_time": day + 86_400, "results": [usage]}
    report.write_text(json.dumps({"object": "page", "data": [bucket], "has_more": False}))
    told = json.loads(system.ctl("reconcile", str(report), "-o", "json").stdout)
    assert told["differences"] == []
    assert told["here_usd"] == told["there_usd"]
    assert "nothing was corrected" in system.ctl("spend", "corrections").stderr


def test_what_choosing_the_cheaper_target_saved(system: System) -> None:
    """Against the dearest target the model asked for has, in the sums of the ledger."""
    configure(system)
    url = system.simulators.openai.url
    system.admin_call(
        "PUT", "providers/own", {"type": "openai", "endpoint": url, "auth": {"header": {"Authorization": "Bearer k"}}}
    )
    targets = [{"provider": "own", "model": "gpt-4o-mini", "priority": 1}, {"provider": "own", "model": "gpt-4o"}]
    system.admin_call("PUT", "models/thrifty", {"targets": targets})
    plugins = {"key-auth": {}, "ai-proxy-multi": {"models": ["thrifty"]}}
    only = [["http_x_thrifty", "==", "1"]]
    system.put("routes/thrifty", {"uri": "/v1/chat/completions", "vars": only, "priority": 9, "plugins": plugins})
    asked = {**ask(), "model": "thrifty"}
    assert system.chat(asked, x_thrifty="1", **key(0, "thrifty")).status == 200
    wait_for(lambda: any(row["session"] == "thrifty" for row in records(system)), 10, "the record")
    answer = json.loads(system.ctl("spend", "savings", "--session", "thrifty", "-o", "json").stdout)
    (spent,) = [row for row in records(system) if row["session"] == "thrifty"]
    assert spent["model"] == "gpt-4o-mini"
    assert nano(answer["total"]["routing_saved_usd"]) > 10 * spent["cost_nano"] > 0


def test_a_node_that_lost_its_journal_has_its_counts_from_the_ledger(system: System) -> None:
    """Before it lets anybody in; comparing once more changes nothing."""
    budget = {"unit": "requests", "amount": 3, "window": "month", "scope": {"consumer": "agent3"}}
    configure(system, ("three", budget))
    assert [system.chat(ask(), **key(3, "journal")).status for _ in range(2)] == [200, 200]
    wait_for(lambda: sum(row["session"] == "journal" for row in records(system)) == 2, 10, "two records")
    system.node.stop()
    (system.node.state_dir / "budgets.journal").unlink()
    system.node.start()
    system.node.wait_ready()
    try:
        assert [system.chat(ask(), **key(3)).status for _ in range(2)] == [200, 429]
        told = system.ctl("budgets", "three", "--rebuild", "-o", "json")
        assert json.loads(told.stdout)[0]["spent"] == 3
        assert "0 raised" in told.stderr
    finally:
        system.admin_call("DELETE", "budgets/three")
        system.wait_live()


def test_refusals_come_in_the_clients_own_words(system: System) -> None:
    """OpenAI: 429 insufficient_quota; Anthropic: 402 billing_error; both tell SDKs not to try again."""
    configure(system, ("tiny", {"unit": "usd", "amount": "0.0001", "window": "day", "scope": {"consumer": "agent2"}}))
    try:
        got = system.chat(ask(), **key(2))
        assert (got.status, got.json["error"]["type"], got.headers["x-should-retry"]) == (
            429,
            "insufficient_quota",
            "false",
        )
        assert "'tiny'" in got.json["error"]["message"]
        body = {"model": "claude-haiku-4-5", "max_tokens": 200, "messages": [{"role": "user", "content": "hi"}]}
        headers = key(2) | {"content-type": "application/json"}
        told = call(f"{system.node.url}/v1/messages", body, headers)
        assert (told.status, told.json["error"]["type"]) == (402, "billing_error")
        assert told.headers["x-should-retry"] == "false"
        assert system.chat(ask(), **key(3)).status == 200
        assert not system.simulators.anthropic.log.entries
    finally:
        system.admin_call("DELETE", "budgets/tiny")
        system.wait_live()


def test_the_kill_switch_is_in_effect_within_a_second(system: System) -> None:
    """From the command's write until both workers refuse; resume lets the agent in again."""
    configure(system)
    assert system.chat(ask(), **key(0)).status == 200
    status, _ = system.admin_call("PUT", "stops/consumer.agent0", {"consumer": "agent0", "desc": "it loops"})
    begun = time.monotonic()
    assert status == 201
    good = 0
    while good < 6:  # each request has a connection of its own, so both workers are asked
        good = good + 1 if system.chat(ask(), **key(0)).status == 403 else 0
        assert time.monotonic() - begun < 5
    assert time.monotonic() - begun < 1.0
    refused = system.chat(ask(), **key(0))
    assert "stopped: it loops." in refused.json["error"]["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert system.chat(ask(), **key(1)).status == 200
    assert "in effect on 1 node" in system.ctl("resume", "agent0").stdout
    assert system.chat(ask(), **key(0)).status == 200
    system.ctl("stop", "--group", "company", "--reason", "audit")
    assert system.chat(ask(), **key(1)).status == 403
    system.ctl("resume", "--group", "company")
    assert system.ctl("stop", check=False).returncode == 2


def test_a_threshold_is_told_to_a_listener(system: System) -> None:
    """A real listener hears of it once, from a real node; a test event says whether it would."""
    heard: list[Any] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = {"type": "webhook", "url": f"http://127.0.0.1:{server.server_address[1]}/", "at_least": 50}
    budget = {"unit": "requests", "amount": 2, "window": "total", "scope": {"consumer": "agent3"}, "thresholds": [50]}
    try:
        configure(system, ("few", budget))
        system.put("notifiers/hook", hook)
        assert system.admin_call("GET", "notifiers/hook")[1]["value"]["url"] == "********"
        node = ("--node", f"127.0.0.1:{system.node.grpc}")
        assert "took the test event" in system.ctl("notify", "hook", *node).stdout
        assert [system.chat(ask(), **key(3)).status for _ in range(3)] == [200, 200, 429]
        wait_for(lambda: len(heard) >= 2, 5, "the threshold is told")
        assert [(one["event"], one["percent"]) for one in heard] == [("test", 100), ("budget_threshold", 50)]
    finally:
        system.admin_call("DELETE", "notifiers/hook")
        system.admin_call("DELETE", "budgets/few")
        server.shutdown()


def test_all_nodes_charge_by_the_published_table(system: System, tmp_path: Path) -> None:
    """The control plane published its own; another one holds from its revision on, and records name it."""
    configure(system)
    (shown,) = json.loads(system.ctl("prices", "table", "-o", "json").stdout)
    assert shown["published"] == shown["bundled"] == source()
    wait_for(lambda: system.chat(ask(), **key(0, "t")).status == 200, 10, "an answer")
    before = system.chat(ask(), **key(0, "t")).headers["x-tollhouse-cost-usd"]
    table = json.loads(reader.bundled_bytes())
    (row,) = [row for row in table["vendors"]["openai"] if row[0] == "gpt-4o"]
    for dated in row[3]:
        dated[1] = [10 * one if one else one for one in dated[1]]
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({**table, "source": "ours", "version": "1"}))
    try:
        assert "pinned" in system.ctl("prices", "publish", str(file), "--pin").stderr
        (shown,) = json.loads(system.ctl("prices", "table", "-o", "json").stdout)
        assert (shown["published"], shown["pinned"]) == ("ours 1", True)

        def tenfold() -> bool:
            now = system.chat(ask(), **key(0, "t")).headers["x-tollhouse-cost-usd"]
            return Decimal(now) == 10 * Decimal(before)

        wait_for(tenfold, 10, "the new prices")
    finally:
        system.ctl("prices", "publish")


def test_prices_are_imported_shown_and_charged(system: System, tmp_path: Path) -> None:
    """Nothing is written unless asked for; nonsense is refused by model and field; records name the table."""
    configure(system)
    asked = ask()
    file = tmp_path / "table.json"
    model = str(json.loads(asked)["model"] if isinstance(asked, str | bytes) else asked["model"])
    row = {"litellm_provider": "openai", "input_cost_per_token": 0.001, "output_cost_per_token": 0.002}
    file.write_text(json.dumps({model: {**row, "output_cost_per_token": -1}}))
    refused = system.ctl("prices", "import", str(file), check=False)
    assert refused.returncode == 1
    assert "output_cost_per_token is -1" in " ".join(refused.stderr.split())
    file.write_text(json.dumps({model: row}))
    before = system.admin_call("GET", "providers")[1]["total"]
    shown = json.loads(system.ctl("prices", "import", str(file), "-o", "json").stdout)
    assert {(line["kind"], line["new"]) for line in shown["changes"]} == {("input", "1000"), ("output", "2000")}
    assert system.admin_call("GET", "providers")[1]["total"] == before
    system.ctl("prices", "import", str(file), "--yes", "--source", "contract 7")
    assert not json.loads(system.ctl("prices", "import", str(file), "-o", "json").stdout)["changes"]
    told = json.loads(system.ctl("prices", "show", model, "--provider", "openai", "-o", "json").stdout)
    assert {
        (line["kind"], line["usd_per_million"], line["source"]) for line in told if line["provider"] == "openai"
    } == {
        ("input", "1000", "contract 7"),
        ("output", "2000", "contract 7"),
    }
    wait_for(lambda: system.chat(asked, **key(0, "dear")).status == 200, 10, "an answer")
    wait_for(lambda: any(row["price_source"] == "contract 7" for row in records(system)), 10, "the record")
