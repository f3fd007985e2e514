"""Agents, teams, keys, kill switches, targets and prices at the console: what it says holds, and what it does works."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import pytest_asyncio

from tests.support.browser import Browser, browser
from tests.support.console import cells, press_labelled, show, sign_in, talk, watched_system
from tests.support.system import System, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="module")
HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system with two teams, one below the other."""
    system = watched_system(tmp_path_factory.mktemp("people"))
    try:
        for team, above in (("company", {}), ("red", {"parent_id": "company"})):
            system.admin_call("PUT", f"consumer_groups/{team}", {"plugins": {}, **above})
        for name in ("anna", "bert"):
            key = {"key-auth": {"key": f"the-key-of-{name}-0123"}}
            system.admin_call("PUT", f"consumers/{name}", {"username": name, "group_id": "red", "plugins": key})
        budget = {"scope": {"consumer_group": "company"}, "unit": "usd", "amount": "5", "window": "day"}
        system.put("budgets/companys", budget)
        yield system
    finally:
        system.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signed_in(governed: System, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser that is signed in; the tests of this module share it."""
    async with browser(tmp_path_factory.mktemp("browser")) as opened:
        await opened.look(1280, 860)
        await opened.go(f"http://127.0.0.1:{governed.admin}/ui/")
        await opened.until_text("Admin key")
        await sign_in(opened)
        yield opened


@pytest.fixture
def page(signed_in: Browser) -> Browser:
    """It has not complained yet."""
    signed_in.complaints.clear()
    return signed_in


async def answered(system: System, agent: str = "", key: str = "") -> int:
    """The status of a chat."""
    return (await asyncio.to_thread(system.chat, HELLO, apikey=key or f"the-key-of-{agent}-0123")).status


async def test_an_agent_is_stopped_and_resumed_by_keyboard(page: Browser, governed: System):
    """The reason is told to the caller; the page says how far it got."""
    await show(page, "agents", "3 agents", "bert")
    await press_labelled(page, "Stop bert")
    await page.until_text("Stop bert?")
    await page.press("Escape", 27)
    await page.until("!document.querySelector('[role=alertdialog]')")
    await press_labelled(page, "Stop bert")
    await page.type("it loops")
    await page.press("Enter", 13)
    await page.until_text("bert is stopped. In effect on the node after")
    refused = await asyncio.to_thread(governed.chat, HELLO, apikey="the-key-of-bert-0123")
    assert refused.status == 403
    assert "it loops" in refused.text
    assert (await cells(page, "bert"))["May call"].startswith("stopped")
    await press_labelled(page, "Resume bert")
    await page.until_text("bert is served again. In effect")
    assert await answered(governed, "bert") == 200
    assert page.complaints == []


async def test_a_team_is_stopped_and_its_agents_are_shown_as_stopped(page: Browser, governed: System):
    """Also those of teams below it, in the list, on their own pages, and when somebody asks for stopped ones."""
    await show(page, "agents/teams", "2 teams", "company")
    await press_labelled(page, "Stop team company")
    await page.press("Enter", 13)
    await page.until_text("Team company is stopped. In effect")
    assert await answered(governed, "anna") == 403
    assert await answered(governed, "cleo") == 200
    assert (await cells(page, "red"))["May call"].split() == ["team", "stopped", "company"]
    await show(page, "agents/stopped=true", "2 of them fit", "anna")
    assert (await cells(page, "anna"))["May call"].split() == ["team", "stopped", "company"]
    await show(page, "agents/one/anna", "The switch of team company is on", "red in company", "companys")
    await page.run("document.querySelector('.switch a').click()")
    await page.until_text("Teams below it")
    await press_labelled(page, "Resume team company")
    await page.until_text("Team company is served again.")
    assert await answered(governed, "anna") == 200
    assert page.complaints == []


async def test_everybody_is_stopped_and_resumed(page: Browser, governed: System):
    """And every row says so."""
    await show(page, "agents", "3 agents")
    await page.click("Stop everybody…")
    await page.press("Enter", 13)
    await page.until_text("Everybody is stopped. In effect")
    assert [await answered(governed, name) for name in ("anna", "cleo")] == [403, 403]
    await page.until("document.querySelectorAll('tbody tr').length === 3")
    assert (await cells(page, "cleo"))["May call"] == "everybody stopped"
    await show(page, "overview", "Everybody is stopped: agents are refused")
    await show(page, "agents", "Everybody is stopped.")
    await page.click("Resume everybody")
    await page.until_text("Everybody is served again.")
    assert await answered(governed, "cleo") == 200


async def test_a_key_is_issued_once_rotated_and_revoked(page: Browser, governed: System):
    """It lets in; afterwards nobody can look at it; the old one ends when the new one was told to."""
    await show(page, "agents/one/cleo", "Keys", "in the agent's own object")

    async def shown_key() -> tuple[str, str]:
        await page.until("!!document.querySelector('#new-key')")
        value = await page.run("document.querySelector('#new-key').value")
        label = await page.run("document.querySelector('#new-key').getAttribute('aria-label')")
        return value, re.search(r"key-\w+", label)[0]  # type: ignore[index]

    await page.click("Issue a key…")
    await page.click("Issue")
    first, name = await shown_key()
    assert await answered(governed, key=first) == 200
    await page.click("I have it")
    await page.until_text(name)
    assert first not in await page.run("document.documentElement.innerHTML")
    stored = governed.admin_call("GET", f"consumers/cleo/credentials/{name}")[1]["value"]
    assert first not in json.dumps(stored)
    assert stored["expires_at"] - stored["create_time"] == pytest.approx(90 * 86400, abs=10)
    await press_labelled(page, f"Rotate {name}")
    await page.click("Rotate")
    second, _ = await shown_key()
    assert second != first
    assert [await answered(governed, key=key) for key in (first, second)] == [200, 200]
    old = governed.admin_call("GET", f"consumers/cleo/credentials/{name}")[1]["value"]
    assert old["expires_at"] - old["update_time"] == pytest.approx(3600, abs=10)
    await press_labelled(page, f"Revoke {name}")
    await page.click("Revoke it")
    await page.until_text(f"{name} is revoked. In effect")
    assert [await answered(governed, key=key) for key in (first, second)] == [401, 200]
    assert page.complaints == []


async def test_a_target_is_kept_out_and_judged_by_its_breaker_again(page: Browser, governed: System):
    """Its requests go elsewhere; its price is shown, with where it comes from; who did it stands in the log."""
    await asyncio.to_thread(talk, governed, "cleo", 2)
    await show(page, "targets", "gpt", "genai-prices")
    told = await cells(page, "gpt")
    assert told["Health"].split() == ["well", "breaker", "closed"]
    assert "2.50 in · 1.25 cached · 10 out" in told["USD per million tokens"]
    before = governed.simulators.openai.log.requests
    await press_labelled(page, "Keep out gpt")
    await page.click("Keep out: gpt")
    await page.until_text("gpt is kept out, on every node.")
    await page.until_text("by an operator")
    await asyncio.to_thread(talk, governed, "cleo", 2)
    assert governed.simulators.openai.log.requests == before
    await press_labelled(page, "Reset gpt")
    await page.until_text("gpt is judged by its breaker again")
    await asyncio.to_thread(talk, governed, "cleo", 1)
    assert governed.simulators.openai.log.requests == before + 1
    assert "target gpt: open by" in governed.control_plane.said(200)
    assert page.complaints == []


async def test_a_live_request_is_explained_as_it_was_asked(page: Browser, governed: System):
    """With the model that was asked for (not the one that answered), by the same agent, on the same route."""
    await show(page, "live", "from now on")
    await asyncio.sleep(0.3)
    governed.simulators.openai.simulate(status=503)
    try:
        await asyncio.to_thread(talk, governed, "anna", 1)
    finally:
        governed.simulators.openai.simulate()
    await page.until_text("claude-sonnet-4-5")
    await page.run("document.querySelector('tbody button').click()")
    await page.click("Explain such a request")
    await page.until_text("Route chat, consumer anna")
    address = unquote(unquote(await page.run("location.hash")))
    assert "model=gpt-4o&route=chat&consumer=anna" in address
    assert '"model": "gpt-4o"' in await page.run("document.querySelector('#body').value")
    await page.until_text("not asked: taken to be anna")
    wait_for(lambda: governed.admin_call("GET", "spend/requests?consumer=anna")[1]["list"], 10, "it is in the ledger")
    await show(page, "requests/consumer=anna", "gpt-4o")
    await page.run("document.querySelector('tbody a').click()")
    await page.click("Explain such a request")
    await page.until_text("Route chat, consumer anna")
    assert page.complaints == []


async def test_of_many_agents_the_browser_has_one_page(page: Browser, governed: System):
    """Searching, sorting and paging are the server's: what is drawn does not grow with the number of agents."""
    many = {"consumers": [{"username": f"agent-{number:04}"} for number in range(1200)]}
    await asyncio.to_thread(governed.ctl, "apply", "-f", "-", stdin=json.dumps(many))
    await show(page, "agents/sort=name", "1,203 agents", "Page 1 of 13")
    assert await page.run("document.querySelectorAll('tbody tr').length") == 100
    assert await page.run("document.querySelectorAll('*').length") < 4000
    await page.click("Next")
    await page.until_text("Page 2 of 13")
    assert (await cells(page, "agent-0100"))[""].startswith("agent-0100")
    assert await page.run("document.querySelectorAll('tbody tr').length") == 100
    await page.run("document.body.focus()")
    await page.press("/", 191)
    await page.type("agent-117")
    await page.until_text("10 of them fit")
    assert await page.run("document.querySelectorAll('tbody tr').length") == 10
    assert page.complaints == []


async def test_pages_have_the_buttons_of_the_role(governed: System, tmp_path: Path):
    """Who may only look has none that changes anything; finance stops agents and issues no keys."""
    await asyncio.to_thread(talk, governed, "cleo", 1)
    keys = {}
    for role in ("viewer", "finance"):
        told = await asyncio.to_thread(governed.ctl, "admins", "add", f"a-{role}", "--role", role)
        keys[role] = told.stdout.strip()
    async with browser(tmp_path) as page:
        await page.look(1280, 860)
        seen = {}
        for role, key in keys.items():
            await page.go(f"http://127.0.0.1:{governed.admin}/ui/")
            await page.until_text("Admin key")
            await page.type(key)
            await page.press("Enter", 13)
            await page.until_text("Sign out")
            seen[role] = set()
            for name, text in (
                *(("agents", "agents"), ("agents/teams", "2 teams"), ("agents/one/cleo", "Keys"), ("targets", "gpt")),
                *(("budgets", "companys"), ("config/routes/chat", "key-auth"), ("config", "routes")),
            ):
                await show(page, name, text)
                await page.until("!document.querySelector('.loading')")
                buttons = "[...document.querySelectorAll('main .danger, main .main, main section button')]"
                seen[role] |= set(await page.run(f"{buttons}.map((one) => one.textContent)"))
            await page.click("Sign out")
    assert seen["viewer"] == set()
    assert {"Stop", "Stop cleo…", "Stop everybody…", "Add a budget"} <= seen["finance"]
    assert not seen["finance"] & {
        "Issue a key…",
        "Rotate…",
        "Keep out",
        "Review the change…",
        "Add one",
        "Add an agent",
    }
