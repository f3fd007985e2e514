"""Asking for more, against a running system: the request that waits, the operator, and the answer."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import openai
import pytest

from tests.support.browser import browser
from tests.support.system import ADMIN_KEY, Node, System, call, wait_for

BUDGET = {"unit": "requests", "amount": 1, "window": "day", "on_exceed": "escalate", "max_wait_s": 60}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two nodes; notifications carry links."""
    system = System(tmp_path_factory.mktemp("asking"), durable=True)
    system.control_plane.environment["TOLLHOUSE_PUBLIC_URL"] = f"http://127.0.0.1:{system.admin}"
    try:
        system.start(2)
        for name in ("coder", "tester", "linked", "anna", "bert"):
            system.put(
                f"consumers/{name}", {"username": name, "plugins": {"key-auth": {"key": f"key-of-{name}-0123456"}}}
            )
        plugins = {
            "key-auth": {},
            "ai-proxy": {"provider": "openai", "auth": {"header": {"authorization": "Bearer x"}}},
        }
        system.put("routes/chat", {"uri": "/v1/chat/completions", "plugins": plugins})
        yield system
    finally:
        system.close()


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A listener for notifications: its address, and what it was told."""
    bodies: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", bodies
    server.shutdown()


def streamed(node: Node, name: str) -> str:
    """What OpenAI's SDK gets, on one connection, trying nothing twice."""
    client = openai.OpenAI(base_url=f"{node.url}/v1", api_key="-", max_retries=0, timeout=60)
    messages: Any = [{"role": "user", "content": "Say hello, please"}]
    headers = {"apikey": f"key-of-{name}-0123456"}
    with client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, stream=True, extra_headers=headers
    ) as got:
        return "".join(piece.choices[0].delta.content or "" for piece in got if piece.choices)


def pending(system: System, budget: str) -> list[dict[str, Any]]:
    listed = system.admin_call("GET", f"approvals?state=pending&budget={budget}")[1]
    return [one["value"] for one in listed["list"]]


def held(system: System, budget: str, ask: Callable[[], str]) -> tuple[Future[str], dict[str, Any]]:
    """A request that waits, and the approval it waits for."""
    running = ThreadPoolExecutor(1).submit(ask)
    wait_for(lambda: pending(system, budget) or running.done(), 10, "an approval")
    assert not running.done(), running.exception()
    return running, pending(system, budget)[0]


def test_a_held_stream_of_the_sdk_goes_on_when_an_operator_approves(asking: System) -> None:
    """On the same connection, though the control plane died meanwhile; the grant holds on the other node, to its
    amount; what was decided stands in the history."""
    asking.put("budgets/coder", {**BUDGET, "scope": {"consumer": "coder"}})
    first, second = asking.nodes
    assert streamed(first, "coder")
    running, approval = held(asking, "coder", lambda: streamed(first, "coder"))
    assert (approval["context"]["consumer"], approval["context"]["stream"]) == ("coder", True)
    assert "hello" not in json.dumps(approval)
    asking.control_plane.kill()
    asking.control_plane.start()
    asking.wait_control_plane()
    assert not running.done()
    done = asking.ctl("approvals", "approve", approval["id"], "--amount", "1", "--for", "10m", "--note", "go on")
    assert "approved: 1 requests until" in done.stdout
    began = time.monotonic()
    assert running.result(20)
    assert time.monotonic() - began < 5
    assert asking.admin_call("POST", f"approvals/{approval['id']}/approve", {})[0] == 412
    again, more = held(asking, "coder", lambda: streamed(first, "coder"))
    assert more["id"] != approval["id"]
    denied = asking.admin_call("POST", f"approvals/{more['id']}/deny", {"for": "1h", "note": "enough for today"})
    assert denied[0] == 200
    with pytest.raises(openai.RateLimitError, match="enough for today"):
        again.result(20)
    with pytest.raises(openai.RateLimitError, match="enough for today"):
        streamed(first, "coder")
    writes = asking.admin_call("GET", "history?kind=approvals")[1]["list"]
    assert [one["via"] for one in writes] == ["rest", "grpc"]
    shown = asking.ctl("approvals", "show", approval["id"], "-o", "json").stdout
    assert (json.loads(shown)["note"], json.loads(shown)["granted"]) == ("go on", "1")
    assert streamed(second, "coder")  # nodes that count for themselves: each has the amount


def test_a_link_in_a_notification_decides(asking: System, told: tuple[str, list[dict[str, Any]]]) -> None:
    """Without a key, once; the waiting request goes on."""
    url, bodies = told
    asking.put("notifiers/ops", {"type": "webhook", "url": url, "events": ["approval_requested"]})
    asking.put("budgets/linked", {**BUDGET, "scope": {"consumer": "linked"}})
    assert streamed(asking.node, "linked")
    running, approval = held(asking, "linked", lambda: streamed(asking.node, "linked"))
    wait_for(lambda: bodies, 10, "the notification")
    assert (bodies[0]["approval"], bodies[0]["consumer"]) == (approval["id"], "linked")
    page = call(bodies[0]["link"])
    assert (page.status, "linked" in page.text) == (200, True)
    with urlopen(Request(bodies[0]["link"], b"decision=approve&for=5m", method="POST")) as reply:
        assert reply.status == 200
    assert running.result(20)
    assert ADMIN_KEY not in json.dumps(bodies)


def test_operators_decide_at_the_command_line(asking: System) -> None:
    """What does not exist cannot be decided; times must be times; agents' metrics are there."""
    assert "coder" in asking.ctl("approvals", "list", "--state", "denied").stdout
    assert asking.ctl("approvals", "approve", "x", "--for", "soon", check=False).returncode == 2
    scraped = call(f"http://127.0.0.1:{asking.node.control}/metrics").text
    assert 'tollhouse_budget_waits_total{budget="coder",mode="escalate",result="passed"} 1' in scraped


async def test_one_is_granted_an_amount_for_a_time_and_one_is_refused(asking: System, tmp_path: Path) -> None:
    """The waiting requests end as decided, at once; the console, the record and the command line agree."""
    for name in ("anna", "bert"):
        asking.put(f"budgets/{name}", {**BUDGET, "scope": {"consumer": name}})
    asking.wait_live()
    assert streamed(asking.node, "anna")
    assert streamed(asking.node, "bert")
    anna, _ = held(asking, "anna", lambda: streamed(asking.node, "anna"))
    bert, _ = held(asking, "bert", lambda: streamed(asking.node, "bert"))
    async with browser(tmp_path) as page:
        await page.look(1280, 860)
        await page.go(f"http://127.0.0.1:{asking.admin}/ui/")
        await page.until_text("Admin key")
        await page.type(ADMIN_KEY)
        await page.press("Enter", 13)
        await page.until_text("Sign out")
        await page.run("location.hash = 'approvals'")
        await page.until("document.querySelectorAll('tbody tr').length === 2")
        await page.until("document.querySelector('nav [data-page=approvals] .count')?.textContent === '2'")

        async def open_form(name: str, button: str) -> None:
            row = f"[...document.querySelectorAll('tbody tr')].find((one) => one.innerText.includes('{name}'))"
            await page.run(
                f"[...{row}.querySelectorAll('button')].find((one) => one.textContent === '{button}').click()"
            )
            await page.until("!!document.querySelector('form')")

        async def note(text: str) -> None:
            await page.run("document.querySelector('#approve-note').focus()")
            await page.type(text)

        await open_form("anna", "Approve…")
        await page.run("{ const sum = document.querySelector('#approve-amount'); sum.select(); sum.focus(); }")
        await page.type("two")
        await page.click("Approve")
        await page.until("!!document.querySelector('[role=alert]')")
        assert not anna.done()
        await open_form("anna", "Approve…")
        await page.run("{ const sum = document.querySelector('#approve-amount'); sum.select(); sum.focus(); }")
        await page.type("2")
        await page.run("document.querySelector('[aria-label=\"For how long\"]').value = '2h'")
        await note("until the release")
        began = time.time()
        await page.press("Enter", 13)
        await page.until_text("2 requests more until")
        assert await asyncio.wrap_future(anna)
        _, listed = await asyncio.to_thread(asking.admin_call, "GET", "approvals?state=approved&budget=anna")
        told = listed["list"][0]["value"]
        assert (told["granted"], told["note"]) == ("2", "until the release")
        assert told["until"] == pytest.approx(began + 7200, abs=30)
        assert await asyncio.to_thread(streamed, asking.node, "anna")

        await open_form("bert", "Deny…")
        await note("not this week")
        await page.click("Deny")
        await page.until_text("Nobody waits for a decision")
        with pytest.raises(openai.RateLimitError, match="not this week"):
            await asyncio.wrap_future(bert)
        state = "document.querySelector('[aria-label=State]')"
        await page.run(f"{{ {state}.value = ''; {state}.dispatchEvent(new Event('change')); }}")
        await page.until("document.querySelectorAll('tbody tr').length >= 2")
        await page.until_text("not this week")
        await open_form("anna", "Revoke…")
        await page.click("Revoke")
        await page.until_text("revoked")
        assert [one for one in page.complaints if "400" not in one] == []
    shown = await asyncio.to_thread(asking.ctl, "approvals", "list", "--state", "revoked", "-o", "json")
    assert [one["budget"] for one in json.loads(shown.stdout)] == ["anna"]


def test_a_client_that_leaves_and_a_supervisor_that_dies_end_the_waiting(asking: System) -> None:
    """Neither leaves a place taken or sends anything; the approval outlives both, and its grant is good afterwards."""
    asking.put("consumers/left", {"username": "left", "plugins": {"key-auth": {"key": "key-of-left-0123456"}}})
    asking.put("budgets/left", {**BUDGET, "scope": {"consumer": "left"}, "max_waiting": 2})
    node, openai_log = asking.node, asking.simulators.openai.log
    assert streamed(node, "left")
    sent = len(openai_log.entries)
    for _ in range(4):  # more than may wait at a time: each that leaves makes room
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
        request = Request(f"{node.url}/v1/chat/completions", json.dumps(body).encode(), method="POST")
        request.add_header("content-type", "application/json")
        request.add_header("apikey", "key-of-left-0123456")
        with pytest.raises(TimeoutError):
            urlopen(request, timeout=0.4)
    (approval,) = pending(asking, "left")
    running = ThreadPoolExecutor(1).submit(lambda: streamed(node, "left"))
    time.sleep(0.4)
    assert not running.done()
    node.kill()
    with pytest.raises(openai.APIError):
        running.result(20)
    assert len(openai_log.entries) == sent
    node.start()
    node.wait_ready()
    assert [one["id"] for one in pending(asking, "left")] == [approval["id"]]
    asking.ctl("approvals", "approve", approval["id"], "--amount", "1", "--for", "10m")
    asking.wait_live()
    assert streamed(node, "left")
