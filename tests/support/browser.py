"""A real headless Chromium, driven over its own debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars"),
)


class Browser:
    """One page of one browser."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []
        """What the page's console said in anger, and what the browser refused to load."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Runtime.exceptionThrown":
                details = told["params"]["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            elif told["method"] == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                entry = told["params"]["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    async def send(self, method: str, **parameters: Any) -> Any:
        """A command of the protocol, and its result."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        told = await asyncio.wait_for(answer, 15)
        assert "error" not in told, told["error"]
        return told["result"]

    async def run(self, script: str) -> Any:
        """The value of an expression in the page (promises are waited for)."""
        told = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, script: str, seconds: float = 15) -> Any:
        """Wait until an expression is true, and return it."""
        try:
            async with asyncio.timeout(seconds):
                while not (value := await self.run(script)):
                    await asyncio.sleep(0.05)
                return value
        except TimeoutError:
            text = await self.run("document.body.innerText")
            pytest.fail(f"never true: {script}\n{self.complaints}\nthe page says:\n{text[:3000]}")

    async def until_text(self, text: str, seconds: float = 15) -> None:
        """Wait until the page shows a text."""
        await self.until(f"!!document.body?.innerText.includes({json.dumps(text)})", seconds)

    async def go(self, url: str) -> None:
        """Open an address."""
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def type(self, text: str) -> None:
        """Into whatever has the focus, as a keyboard would."""
        await self.send("Input.insertText", text=text)

    async def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """One key, down and up (``Tab`` is 9, ``Enter`` 13)."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        text = {"text": "\r"} if key == "Enter" else {}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def click(self, text: str, tag: str = "button, a") -> None:
        """The first button or link with this text."""
        all_of_them = f"[...document.querySelectorAll({json.dumps(tag)})]"
        found = f"{all_of_them}.find(one => one.textContent.trim() === {json.dumps(text)})"
        await self.until(f"!!{found}")
        await self.run(f"{found}.click()")

    async def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the screen, and light or dark."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.send("Emulation.setEmulatedMedia", features=features)

    async def picture(self, path: Path) -> None:
        """A screenshot of what is seen first, a little smaller."""
        await asyncio.sleep(0.2)
        width, height = await self.run("[innerWidth, innerHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 0.7 if width > 600 else 0.8}
        await self.run("scrollTo(0, 0)")
        shot = await self.send("Page.captureScreenshot", format="png", clip=clip)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def close(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """A fresh browser; the test is skipped where there is none."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no chromium here: install the chromium package")
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        binary,
        *FLAGS,
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port_file = profile / "DevToolsActivePort"
        async with asyncio.timeout(30):
            while not port_file.exists() or "\n" not in port_file.read_text():
                await asyncio.sleep(0.05)
        port = port_file.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as listed:
                page = next(one for one in await listed.json() if one["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                made = Browser(session, socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await made.send(f"{domain}.enable")
                yield made
                await made.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
