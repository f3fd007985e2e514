"""The web console in a real browser, over a whole system: what it shows is what the simulators counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser
from tests.support.console import fill, show, sign_in, talk, watched_system
from tests.support.system import System


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose console looks at its nodes twice a second, with a chat route and three agents."""
    system = watched_system(tmp_path_factory.mktemp("console"))
    try:
        yield system
    finally:
        system.close()


@pytest.fixture
async def page(watched: System, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser in front of the sign-in form."""
    async with browser(tmp_path) as opened:
        await opened.look(1280, 860)
        await opened.go(f"http://127.0.0.1:{watched.admin}/ui/")
        await opened.until_text("Admin key")
        yield opened


async def test_a_wrong_key_is_told_and_the_right_one_opens_until_signed_out(page: Browser):
    """Signing out forgets everything on the page."""
    await page.type("not-the-key-0123456789")
    await page.press("Enter", 13)
    await page.until_text("That key was not accepted")
    await sign_in(page)
    await page.click("Sign out")
    await page.until_text("You are signed out.")
    assert await page.run("fetch('api/fleet').then((answer) => answer.status)") == 401


async def test_a_broken_link_leads_to_the_form_all_the_same(watched: System, tmp_path: Path):
    """What an identity provider had to say stands in the address; half an address is not the end of the page."""
    async with browser(tmp_path) as page:
        await page.go(f"http://127.0.0.1:{watched.admin}/ui/#error=%E4%")
        await page.until_text("Signing in did not work.")
        await page.until_text("Admin key")
        assert page.complaints == []


async def test_a_page_that_could_not_be_had_is_there_at_the_next_try(page: Browser):
    """A control plane that was started again while somebody went on to a page they had not seen yet."""
    await sign_in(page)
    await show(page, "overview", "Requests")
    await page.send("Network.setBlockedURLs", urls=["*pages/fleet.js*"])
    await show(page, "fleet", "The control plane does not answer.")
    await page.send("Network.setBlockedURLs", urls=[])
    await page.click("Try again")
    await page.until_text("The node serves revision")


async def test_figures_are_those_of_the_providers(page: Browser, watched: System):
    """Requests, money and tokens by agent and model, and each request as it happens."""
    await sign_in(page)
    await show(page, "overview", "Requests")
    before = watched.simulators.openai.log.requests
    await page.run("location.hash = 'live'")
    await page.until_text("from now on")
    await asyncio.sleep(0.3)
    await asyncio.to_thread(talk, watched, "anna", 7)
    await asyncio.to_thread(talk, watched, "bert", 3)
    watched.simulators.openai.simulate(status=503)
    try:
        await asyncio.to_thread(talk, watched, "cleo", 2)
    finally:
        watched.simulators.openai.simulate()
    await page.until("document.querySelectorAll('tbody tr').length >= 12")
    assert watched.simulators.openai.log.requests - before >= 10
    await show(page, "live", "anna", "cleo", "claude-sonnet-4-5")
    await page.run("document.querySelector('tbody button').click()")
    for text in ("in the gateway", "Attempts", "In the ledger"):
        await page.until_text(text)
    await asyncio.sleep(1)
    told = await page.run("fetch('api/overview?minutes=15').then((answer) => answer.json())")
    assert told["totals"]["requests"] == 12
    assert {row["name"]: row["requests"] for row in told["top"]["consumers"]} == {"anna": 7, "bert": 3, "cleo": 2}
    assert told["totals"]["failovers"] >= 2
    assert told["totals"]["cost"] > 0
    await show(page, "overview", "Dearest agents", "anna", "gpt-4o", "Failovers")
    await show(page, "agents", "3 agents", "anna")
    await show(page, "spend", "Spend by agent", "anna", "bert", "all of it as the providers counted")
    ledger = await page.run("fetch('api/admin/spend?group_by=consumer').then((answer) => answer.json())")
    assert {row["consumer"]: row["requests"] for row in ledger["list"]} == {"anna": 7, "bert": 3, "cleo": 2}
    assert float(ledger["total"]["cost_usd"]) == pytest.approx(told["totals"]["cost"])
    for kind, heading in (("rows", "consumer,"), ("records", "id,"), ("focus", "BilledCost")):
        assert heading in await exported(page, kind)
    await page.click("anna")
    await page.until_text("Spend by model")
    await page.until_text("agent: anna")
    await page.click("Requests")
    await page.until_text("Dearest first")
    await page.until("document.querySelectorAll('tbody tr').length === 7")
    await page.run("document.querySelector('tbody a').click()")
    for text in ("as the provider counted", "Attempts", "openai · gpt-4o", "Asked for"):
        await page.until_text(text)
    await show(page, "targets", "gpt", "claude")
    await show(page, "fleet", "node-1", "The node serves revision")
    assert page.complaints == []


async def exported(page: Browser, kind: str) -> str:
    """The first line of the file a click on the export gives."""
    await page.run(
        "{ window.file = null; URL.createObjectURL = (blob) => { blob.text().then((text) => { window.file = text; }); "
        f"return '#spend'; }}; document.querySelector('[aria-label=\"What to export\"]').value = {json.dumps(kind)} }}"
    )
    await page.click("Export CSV")
    text: str = await page.until("window.file")
    return text.splitlines()[0]


async def test_a_route_is_edited_with_a_look_at_the_difference_and_rolled_back(page: Browser, watched: System):
    """What does not fit is said before anything is written; two editors do not overwrite each other."""
    await sign_in(page)
    revision = await asyncio.to_thread(watched.wait_live)
    await show(
        page, "config/routes/chat", "Review the change", "ai-proxy-multi", "Its name in headers, logs and metrics."
    )
    await page.click("JSON")
    editing = "const text = document.querySelector('#document'); text.value = text.value.replace({0}, {1}); "
    editing += "text.dispatchEvent(new Event('input'))"

    async def edit(old: str, new: str) -> None:
        await page.run(f"{{ {editing.replace('{0}', json.dumps(old)).replace('{1}', json.dumps(new))} }}")

    await edit('"name": "chat"', '"nmae": "chat"')
    await page.until_text("nmae")
    assert "bad" in await page.run("document.querySelector('#check').className")
    await edit('"nmae": "chat"', '"name": "chatter"')
    await page.until_text("It fits the schema.")
    await page.click("Review the change…")
    await page.until_text('+   "name": "chatter"')
    await page.click("Save")
    await page.until_text("Saved as revision")
    _, stored = await asyncio.to_thread(watched.admin_call, "GET", "routes/chat")
    assert stored["value"]["name"] == "chatter"
    assert watched.chat({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}).status == 401
    await asyncio.to_thread(watched.put, "routes/chat", {**stored["value"], "desc": "by somebody else"} | TIMES)
    await edit('"chatter"', '"mine"')
    await page.click("Review the change…")
    await page.click("Save")
    await page.until_text("Somebody else changed it meanwhile")
    await show(page, "history", "What you changed is not saved.")
    assert await page.run("location.hash") == "#config/routes/chat"
    await page.click("Stay")
    await show(page, "history", "What you changed is not saved.")
    await page.click("Leave without saving")
    for text in ("update routes/chat", "console"):
        await page.until_text(text)
    await page.run(f"location.hash = 'history/{revision}'")
    await page.click(f"Make everything as it was right after revision {revision}…")
    await page.until_text('-   "name": "chatter"')
    await page.click("Roll back now")
    await page.until_text("Written as revision")
    _, stored = await asyncio.to_thread(watched.admin_call, "GET", "routes/chat")
    assert stored["value"]["name"] == "chat"
    assert [line for line in page.complaints if "412" not in line and "400" not in line] == []


TIMES = {"create_time": None, "update_time": None}


async def test_a_request_is_explained_and_everything_works_on_a_phone_in_the_dark(page: Browser, watched: System):
    """No page is wider than the screen; the menu opens and closes by keyboard."""
    await sign_in(page)
    await page.run("location.hash = 'explain'")
    await page.until_text("What would happen?")
    await page.run("document.querySelector('#headers').value = 'apikey: the-key-of-anna-0123'")
    await page.click("What would happen?")
    for text in ("It would be sent on.", "Route chat, consumer anna", "key-auth", "claude"):
        await page.until_text(text)
    await page.look(390, 800, dark=True)
    for name in (
        "agents/teams",
        "agents/one/anna",
        "overview",
        "live",
        "requests",
        "spend",
        "agents",
        "budgets",
        "approvals",
        "verdicts",
        "targets",
        "config",
        "config/routes/chat",
        "history",
        "fleet",
        "explain",
    ):
        await page.run(f"location.hash = {json.dumps(name)}")
        await page.until("!document.querySelector('.loading') && !!document.querySelector('h1')")
        assert await page.run("document.documentElement.scrollWidth") <= 390, name
    assert await page.run("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    await page.run("document.querySelector('.opener').focus()")
    await page.press("Enter", 13)
    assert await page.run("getComputedStyle(document.querySelector('nav')).display") == "flex"
    await page.press("Tab", 9)
    assert await page.run("document.activeElement.textContent") == "Overview"
    assert page.complaints == []


async def test_a_form_made_of_the_schema_edits_a_route(page: Browser, watched: System):
    """Fields have types, defaults and help; the server says at the field what is wrong; nothing else changes."""
    await asyncio.to_thread(watched.put, "routes/formed", {"uri": "/formed", "plugins": {"limit-count": LIMIT}})
    await sign_in(page)
    await show(page, "config/routes/formed", "limit-count", "Review the change…")
    count = "document.getElementById('field-plugins.limit-count.count')"
    await page.until(f"!!{count} && {count}.value === '7'")
    await fill(page, count, "0")
    await page.until(f"!!{count}.closest('.field').querySelector('.wrong').textContent")
    assert await page.run("document.querySelector('#check').className") == "bad"
    await fill(page, count, "9")
    await page.until_text("It fits the schema.")
    await page.run(
        "{ const pick = document.querySelector('[aria-label=\"Add a plugin\"]'); pick.value = 'request-id'; "
        "pick.dispatchEvent(new Event('change')) }"
    )
    await page.until_text("It fits the schema.")
    await page.click("Review the change…")
    await page.until_text('"count": 9')
    await page.click("Save")
    await page.until_text("Saved as revision")
    _, stored = await asyncio.to_thread(watched.admin_call, "GET", "routes/formed")
    assert stored["value"]["plugins"] == {"limit-count": {**LIMIT, "count": 9}, "request-id": {}}
    assert [line for line in page.complaints if "400" not in line] == []


LIMIT = {"count": 7, "time_window": 60, "key": "remote_addr"}


async def test_what_callers_write_is_shown_and_never_run(page: Browser, watched: System):
    """A model named like a script is text on every page."""
    evil = "<img src=x onerror=window.harmed=1>"
    await sign_in(page)
    await page.run("location.hash = 'live'")
    await page.until_text("from now on")
    await asyncio.sleep(0.3)
    body = {"model": evil, "messages": [{"role": "user", "content": "hi"}]}
    await asyncio.to_thread(watched.chat, body, apikey="the-key-of-anna-0123")
    await page.until_text("<img src=x")
    assert await page.run("window.harmed") is None
    assert await page.run("document.querySelectorAll('img').length") == 0
