"""Signing in to the console at an identity provider, clicked through in a real browser; the protocol itself is tested
in ../identities."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.controlplane.identities.oidc import OidcSettings, read_roles

from tests.controlplane.plane import ROUTE, Plane
from tests.support.browser import Browser, browser
from tests.support.etcd_server import EtcdServer
from tests.support.identity_provider import IdentityProvider


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """On another site than the console, asking people before it sends them back."""
    one = IdentityProvider()
    one.client_secret, one.asks = "secret-of-the-client", True
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def plane(shared_etcd: EtcdServer, provider: IdentityProvider) -> AsyncIterator[Plane]:
    """A control plane that trusts the provider."""
    one = Plane(shared_etcd.endpoint)
    roles = read_roles("gateway-admins=admin,lookers=viewer")
    settings = OidcSettings(provider.issuer, "", roles, client_id="console", client_secret=provider.client_secret)
    one.control = ControlPlane(replace(one.settings, oidc=settings))
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def page(plane: Plane, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser in front of the console."""
    async with browser(tmp_path) as opened:
        await opened.look(1280, 860)
        await opened.go(f"{plane.url}/ui/")
        yield opened


async def at_the_provider(page: Browser, provider: IdentityProvider, answer: str) -> None:
    """From the console's form to the provider's, and back with an answer."""
    await page.click(f"Sign in with {provider.issuer.removeprefix('http://')}")
    await page.until_text("sign in to the console?")
    assert await page.run("location.host") == provider.issuer.removeprefix("http://")
    await page.click(answer)


async def test_a_person_signs_in_changes_something_and_signs_out(
    plane: Plane, provider: IdentityProvider, page: Browser
) -> None:
    """There and back over two sites with strict cookies; what is written is written under the person's name."""
    await at_the_provider(page, provider, "Sign in")
    await page.until_text("ann@example.com")
    assert await page.run("location.pathname + location.search") == "/ui/"
    assert await page.run("document.cookie") == ""
    assert (await plane.call("PUT", "routes/r", ROUTE)).status == 201
    await page.run("location.hash = 'config/routes/r'")
    await page.click("Delete…")
    await page.click("Delete it")
    await page.until("location.hash === '#config/routes'")
    written = (await plane.call("GET", "history")).body["list"][0]
    assert (written["author"], written["via"]) == ("ann@example.com", "console")
    await page.click("Sign out")
    await page.until_text("You are signed out.")
    await page.go(f"{plane.url}/ui/")
    await page.until_text("Admin key")
    assert [one for one in page.complaints if plane.url in one] == []


async def test_who_may_only_look_and_who_turns_back(plane: Plane, provider: IdentityProvider, page: Browser) -> None:
    """Cancelling at the provider says so in the console; strangers are refused; lookers get no buttons."""
    await at_the_provider(page, provider, "Cancel")
    await page.until_text("the identity provider did not sign you in")
    provider.person["roles"] = ["strangers"]
    await at_the_provider(page, provider, "Sign in")
    await page.until_text("role")
    assert await page.run("!!document.querySelector('nav')") is False
    provider.person["roles"] = ["lookers"]
    await at_the_provider(page, provider, "Sign in")
    await page.until_text("viewer, may only look")
    assert (await plane.call("PUT", "routes/r", ROUTE)).status == 201
    await page.run("location.hash = 'config/routes/r'")
    await page.until_text("/r")
    assert (
        await page.run("[...document.querySelectorAll('button')].some((one) => one.textContent === 'Delete…')") is False
    )
