"""Pictures of every page of the console over a busy system: `make pictures`, or `python -m tests.pictures.take FOLDER`.

Each page is waited for until it has loaded and shows what it must. FOLDER gets what the documentation shows; with
--every, each page in light and dark, on a laptop and a phone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.pictures.scene import Scene, told
from tests.support.browser import Browser, browser
from tests.support.system import ADMIN_KEY

LAPTOP, PHONE = (1280, 860), (390, 844)


@dataclass(frozen=True)
class Page:
    """One page, what it must say before its picture is taken, and what is done first."""

    name: str
    address: str
    texts: tuple[str, ...]
    steps: tuple[str, ...] = ()
    """Scripts; each is true when it is done."""


def click(text: str) -> str:
    """A step: press the first button or link of that text, as soon as there is one."""
    fits = f"(one) => one.textContent.trim() === {json.dumps(text)}"
    found = f"[...document.querySelectorAll('main button, main a')].find({fits})"
    return f"(() => {{ const one = {found}; if (one) one.click(); return Boolean(one); }})()"


def click_label(label: str) -> str:
    """A step: press the button with that label."""
    found = f"document.querySelector({json.dumps(f'[aria-label={json.dumps(label)}]')})"
    return f"(() => {{ const one = {found}; if (one) one.click(); return Boolean(one); }})()"


FIRST_ROW = (
    "(() => { const one = document.querySelector('tbody button, tbody a'); if (one) one.click(); return !!one; })()"
)
ANSWERED = (
    "(() => { const row = [...document.querySelectorAll('tbody tr')].find((one) => one.textContent.includes('openai'));"
    " if (row) row.querySelector('button').click(); return !!row; })()"
)
CHANGED = (
    "(() => { const text = document.querySelector('#document'); if (!text) return false; "
    "text.value = text.value.replace('/tools/*', '/tools/v2/*'); text.dispatchEvent(new Event('input')); "
    "return true; })()"
)
MISTAKE = (
    "(() => { const rows = [...document.querySelectorAll('tbody tr')]; "
    "const at = rows.findIndex((one) => one.textContent.includes('rollback to')); "
    "if (at < 0) return false; rows[at + 1].querySelector('a').click(); return true; })()"
)
BACK = (
    "(() => { const one = [...document.querySelectorAll('main button')].find((one) => "
    "one.textContent.startsWith('Make everything')); if (one) one.click(); return !!one; })()"
)
SPEND = quote("days=7&by=model", safe="")
BY_HOUR = quote("days=1&by=hour&group=engineering", safe="")
PAGES = (
    Page("overview", "overview", ("Dearest agents", "code-writer", "Saved", "Failovers per minute")),
    Page("live", "live", ("from now on", "code-writer", "gpt-4o")),
    Page("live-request", "live", ("In the ledger", "Attempts"), (ANSWERED,)),
    Page("requests", "requests", ("Newest first", "code-writer")),
    Page("request", "requests", ("Attempts", "Asked for"), (FIRST_ROW,)),
    Page("spend", "spend", ("Spend by agent", "code-writer", "US dollars per hour")),
    Page("spend-model", f"spend/{SPEND}", ("Spend by model", "gpt-4o")),
    Page("spend-time", f"spend/{BY_HOUR}", ("Spend by hour", "team: engineering")),
    Page("agents", "agents", ("9 agents", "team stopped", "code-writer")),
    Page("agent", "agents/one/code-writer", ("May call.", "each-agent-hour", "on Anna's laptop")),
    Page("agent-stop", "agents/one/lead-scorer", ("Stop lead-scorer?", "Budgets"), (click_label("Stop lead-scorer"),)),
    Page(
        "agent-key", "agents/one/ci-fixer", ("It is not shown again", "Keys"), (click("Issue a key…"), click("Issue"))
    ),
    Page("teams", "agents/teams", ("5 teams", "support", "stopped")),
    Page("team", "agents/team/engineering", ("company-month", "Teams below it", "code-writer")),
    Page("budgets", "budgets", ("company-month", "each-agent-hour", "ci-fixer-day")),
    Page("approvals", "approvals", ("drafts", "Approve…")),
    Page("approvals-decide", "approvals", ("Grant more to drafts",), (click("Approve…"),)),
    Page("verdicts", "verdicts", ("injection", "block")),
    Page("targets", "targets", ("local-qwen", "genai-prices", "sonnet")),
    Page("targets-keep-out", "targets", ("Keep out openai?",), (click_label("Keep out openai"),)),
    Page("config", "config", ("2 routes", "every-model")),
    Page("config-routes-formed", "config/routes/every-model", ("Review the change…", "ai-proxy-multi")),
    Page(
        *("config-difference", "config/routes/tools", ("This will change", "/tools/v2/*")),
        (click("JSON"), CHANGED, click("Review the change…")),
    ),
    Page("config-new", "config/budgets/+", ("Review the change…", "Give it an id")),
    Page(
        "explain",
        "explain/" + quote("model=gpt-4o&consumer=code-writer&path=/v1/messages", safe=""),
        ("It would be sent on.", "code-writer", "claude-sonnet-4-5"),
    ),
    Page("history", "history", ("rollback to revision", "update routes/every-model")),
    Page("history-rollback", "history", ("Going back to revision", "Roll back now"), (MISTAKE, BACK)),
    Page("fleet", "fleet", ("node-1", "The node serves revision")),
)
IN_THE_DOCS = {page.name for page in PAGES} - {"live-request", "spend-model", "config-new", "targets-keep-out"}
NOWHERE = """(document.querySelector("#unsaved button:last-child")?.click(),
  !!document.body?.innerText.includes("There is no such page"))"""
"""The way to a page that is none, past the question whether changes may be lost."""
LOADED = "!document.querySelector('.loading') && !document.querySelector('[aria-busy]')"


async def show(page: Browser, one: Page) -> None:
    """Go there, take its steps, and wait until it shows what it must."""
    await page.run("location.hash = 'nowhere'")
    await page.until(NOWHERE)
    await page.run(f"location.hash = {json.dumps(one.address)}")
    for step in one.steps:
        await page.until(LOADED)
        await page.until(step)
    for text in one.texts:
        await page.until_text(text)
    await page.until(LOADED)
    await asyncio.sleep(0.3)
    width, seen = await page.run("[document.documentElement.scrollWidth, innerWidth]")
    if width > seen:
        page.complaints.append(f"{one.name} is {width} wide on a screen of {seen}")


async def take(address: str, folder: Path, names: set[str], every: bool) -> None:
    """Sign in and take them."""
    with tempfile.TemporaryDirectory() as profile:
        async with browser(Path(profile)) as page:
            await page.look(*LAPTOP)
            await page.go(address)
            await page.until_text("Admin key")
            await page.picture(folder / "sign-in.png")
            await page.type(ADMIN_KEY)
            await page.press("Enter", 13)
            await page.until_text("Sign out")
            for screen, dark in (
                ((LAPTOP, False), (LAPTOP, True), (PHONE, False), (PHONE, True)) if every else ((LAPTOP, False),)
            ):
                await page.look(*screen, dark=dark)
                mark = ("-phone" if screen == PHONE else "") + ("-dark" if dark else "")
                for one in PAGES:
                    if one.name in names:
                        await show(page, one)
                        await page.picture(folder / f"{one.name}{mark}.png")
            if not every:
                await of_screens(page, folder)
            assert page.complaints == [], page.complaints


async def of_screens(page: Browser, folder: Path) -> None:
    """In the dark, and on a phone."""
    by_name = {one.name: one for one in PAGES}
    await page.look(*LAPTOP, dark=True)
    await show(page, by_name["overview"])
    await page.picture(folder / "overview-dark.png")
    await page.look(*PHONE, dark=True)
    await show(page, by_name["agents"])
    await page.picture(folder / "phone-agents.png")
    await page.run("document.querySelector('.opener').click()")
    await page.picture(folder / "phone.png")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", action="store_true", help="each page in light and dark, on a laptop and a phone")
    parser.add_argument("--port", type=int, help="of a control plane that runs already, with the scene")
    parser.add_argument("--only", action="append", help="the name of a page")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    names = set(options.only or ({one.name for one in PAGES} if options.every else IN_THE_DOCS))

    def run(port: int) -> None:
        asyncio.run(take(f"http://127.0.0.1:{port}/ui/", options.folder, names, options.every))

    if options.port:
        run(options.port)
        return
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        try:
            scene.open()
            told(scene)
            run(scene.system.admin)
        finally:
            scene.close()


if __name__ == "__main__":
    main()
