"""The console's addresses: who may do what, and what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tollhouse.controlplane.app import ControlPlane

from tests.controlplane.plane import ADMIN, ROUTE, VIEWER, Plane


class Visitor:
    """A browser without pages."""

    def __init__(self, plane: Plane, session: aiohttp.ClientSession) -> None:
        self._plane = plane
        self.session = session
        self.csrf = ""

    async def sign_in(self, key: str) -> int:
        status, told, _ = await self.call("POST", "session", {"key": key})
        self.csrf = told.get("csrf", "")
        return status

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        sent = {"X-CSRF-Token": self.csrf, **headers} if self.csrf else headers
        url = f"{self._plane.url}/ui/api/{path}"
        async with self.session.request(method, url, json=body, headers=sent) as response:
            return response.status, await response.json(content_type=None), response.headers


@pytest.fixture
async def visitor(plane: Plane) -> AsyncIterator[Visitor]:
    jar = aiohttp.CookieJar(unsafe=True)  # for an IP address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Visitor(plane, session)


async def test_without_a_session_nothing_is_told(visitor: Visitor) -> None:
    """And a wrong key gives none."""
    assert (await visitor.call("GET", "session"))[1] == {"name": None}
    for path in ("overview", "agents", "fleet", "targets", "tail", "admin/routes"):
        assert (await visitor.call("GET", path))[0] == 401
    assert await visitor.sign_in("a-wrong-key-of-the-tests") == 401
    assert (await visitor.call("GET", "fleet"))[0] == 401


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(plane: Plane, visitor: Visitor) -> None:
    """And is not sent to the Admin API."""
    _, _, headers = await visitor.call("POST", "session", {"key": ADMIN})
    cookie = headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/ui"):
        assert part in cookie
    assert ADMIN not in cookie
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert (await plane.call("GET", "routes", key=None, Cookie=cookie)).status == 401


async def test_an_admin_writes_with_the_token_and_is_named_in_the_history(plane: Plane, visitor: Visitor) -> None:
    """Without the token, as a form of another site would, nothing is written."""
    assert await visitor.sign_in(ADMIN) == 200
    token, visitor.csrf = visitor.csrf, ""
    assert (await visitor.call("PUT", "admin/routes/1", ROUTE))[0] == 403
    visitor.csrf = token
    assert (await visitor.call("PUT", "admin/routes/1", ROUTE))[0] == 201
    assert (await visitor.call("PUT", "admin/routes/1", ROUTE, **{"If-Match": '"1"'}))[0] == 412
    [write] = (await visitor.call("GET", "admin/history"))[1]["list"]
    assert (write["author"], write["via"], write["address"]) == ("admin", "console", "127.0.0.1")
    assert (await visitor.call("DELETE", "session"))[0] == 200
    visitor.csrf = ""
    assert (await visitor.call("GET", "admin/routes"))[0] == 401


async def test_a_viewer_looks_and_checks_and_changes_nothing(visitor: Visitor) -> None:
    """Checking a document against the schema is no write."""
    assert await visitor.sign_in(VIEWER) == 200
    assert (await visitor.call("GET", "admin/routes"))[0] == 200
    assert (await visitor.call("POST", "admin/schema/validate/routes", {"id": "1", **ROUTE}))[0] == 200
    assert (await visitor.call("PUT", "admin/routes/1", ROUTE))[0] == 403
    assert (await visitor.call("POST", "admin/history/1/rollback"))[0] == 403


async def test_an_empty_fleet_is_told_as_such(visitor: Visitor) -> None:
    """No node, no numbers, no targets; explaining needs a node."""
    await visitor.sign_in(ADMIN)
    assert (await visitor.call("GET", "fleet"))[1]["nodes"] == []
    assert (await visitor.call("GET", "targets"))[1] == {"targets": [], "models": [], "silent": {}}
    assert (await visitor.call("GET", "overview?minutes=15"))[1]["counted"] is False
    status, told, _ = await visitor.call("POST", "explain", {"path": "/x"})
    assert (status, told["error_msg"]) == (503, "no node answers: no node is registered")


async def test_breakers_are_for_those_who_may_operate(plane: Plane, visitor: Visitor) -> None:
    """With the token only, and with an action there is; no node hears it here."""
    await visitor.sign_in(VIEWER)
    assert (await visitor.call("POST", "targets", {"name": "gpt", "action": "open"}))[0] == 403
    await visitor.sign_in(ADMIN)
    token, visitor.csrf = visitor.csrf, ""
    assert (await visitor.call("POST", "targets", {"name": "gpt", "action": "open"}))[0] == 403
    visitor.csrf = token
    for wrong in ({"name": "gpt", "action": "burn"}, {"name": "", "action": "open"}, ["gpt"]):
        assert (await visitor.call("POST", "targets", wrong))[0] == 400
    assert (await visitor.call("POST", "targets", {"name": "gpt", "action": "open"}))[1] == {"known": 0, "silent": {}}


async def test_who_forced_a_breaker_stands_in_the_audit_trail(plane: Plane, visitor: Visitor, tmp_path: Path) -> None:
    """With what was done to which target."""
    await plane.control.close()
    plane.control = ControlPlane(replace(plane.settings, audit=str(tmp_path / "audit.sqlite")))
    await plane.control.start()
    plane.url = f"http://127.0.0.1:{plane.control.admin_port}"
    await visitor.sign_in(ADMIN)
    assert (await visitor.call("POST", "targets", {"name": "gpt", "action": "close"}))[0] == 200
    [line] = (await visitor.call("GET", "admin/audit?kind=admin&text=targets"))[1]["list"]
    assert (line["rule"], line["action"], line["actor"]) == ("targets/gpt", "close", "admin")


async def test_a_session_says_what_its_role_may_write(visitor: Visitor) -> None:
    """So that pages show no button that would be refused."""
    await visitor.sign_in(VIEWER)
    assert (await visitor.call("GET", "session"))[1]["writes"] == []
    await visitor.sign_in(ADMIN)
    told = (await visitor.call("GET", "session"))[1]
    assert {"routes", "stops", "nodes", "budgets"} <= set(told["writes"]) & set(told["deletes"])


async def test_files_are_fenced_in(plane: Plane) -> None:
    """With the policy, a tag to compare, and nothing outside of them."""
    page = await plane.call("GET", "/ui/", key=None)
    assert page.status == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert (await plane.call("GET", "/ui/app.js", key=None, If_None_Match=page.headers["ETag"])).status == 200
    assert (await plane.call("GET", "/ui/", key=None, If_None_Match=page.headers["ETag"])).status == 304
    for path in ("/ui/../settings.py", "/ui/nothing.js", "/ui/%2e%2e/app.py"):
        assert (await plane.call("GET", path, key=None)).status == 404
