"""A whole system with the console in front of it, and what tests do at its pages."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.browser import Browser
from tests.support.system import ADMIN_KEY, System

AGENTS = ("anna", "bert", "cleo")
INSTANCES = [
    {
        "name": "gpt",
        "provider": "openai",
        "weight": 1,
        "priority": 1,
        "auth": {"header": {"authorization": "Bearer $env://OPENAI_API_KEY"}},
    },
    {
        "name": "claude",
        "provider": "anthropic",
        "weight": 1,
        "auth": {"header": {"x-api-key": "$env://ANTHROPIC_API_KEY"}},
        "options": {"model": "claude-sonnet-4-5"},
    },
]


def watched_system(folder: Path) -> System:
    """One whose console looks at its nodes twice a second, with a chat route and three agents."""
    system = System(folder)
    system.control_plane.command += ["--console-sample-s", "0.5"]
    try:
        system.start()
        multi = {"instances": INSTANCES, "fallback_strategy": ["http_429", "http_5xx"]}
        plugins = {"ai-proxy-multi": multi, "key-auth": {}}
        system.admin_call("PUT", "routes/chat", {"uri": "/v1/*", "name": "chat", "plugins": plugins})
        for name in AGENTS:
            key = {"key-auth": {"key": f"the-key-of-{name}-0123"}}
            system.admin_call("PUT", f"consumers/{name}", {"username": name, "plugins": key})
        system.put("global_rules/metrics", {"plugins": {"prometheus": {}}})
    except BaseException:
        system.close()
        raise
    return system


async def sign_in(page: Browser) -> None:
    """By keyboard alone."""
    await page.type(ADMIN_KEY)
    await page.press("Enter", 13)
    await page.until_text("Sign out")


async def show(page: Browser, name: str, *texts: str) -> None:
    """Go to a page and wait for what it must say."""
    await page.run(f"location.hash = {json.dumps(name)}")
    for text in texts:
        await page.until_text(text)


async def fill(page: Browser, element: str, text: str) -> None:
    """Write into a field as its reader would."""
    await page.run(f"{{ {element}.value = {json.dumps(text)}; {element}.dispatchEvent(new Event('input')) }}")


async def press_labelled(page: Browser, label: str) -> None:
    """The button with that label, as soon as there is one."""
    found = f"document.querySelector({json.dumps(f'[aria-label={json.dumps(label)}]')})"
    await page.until(f"!!{found}")
    await page.run(f"{found}.click()")


async def cells(page: Browser, first: str) -> dict[str, str]:
    """What the row that begins with a text says, by the heading of the column."""
    row = f"[...document.querySelectorAll('tbody tr')].find((one) => one.children[0].innerText.startsWith({first!r}))"
    await page.until(f"!!{row}")
    script = f"Object.fromEntries([...{row}.children].map((one) => [one.dataset.title || '', one.innerText]))"
    told: dict[str, str] = await page.run(script)
    return told


def talk(system: System, name: str, times: int) -> None:
    """Chats of one agent, streamed and not."""
    for number in range(times):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello " * 50}], "stream": bool(number % 2)}
        answer = system.chat(body, apikey=f"the-key-of-{name}-0123")
        assert answer.status == 200, answer.text
