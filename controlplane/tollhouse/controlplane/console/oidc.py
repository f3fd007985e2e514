"""Signing in to the console at an identity provider: there, and back with a session."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.console import files
from tollhouse.controlplane.console.sessions import COOKIE, Sessions
from tollhouse.controlplane.identities.oidc import ATTEMPT_S, Oidc
from tollhouse.controlplane.service.refusal import Fault, Refusal

ATTEMPT = "tollhouse_signing_in"
PATH = "/ui/oidc"


class SignIn:
    """The addresses under ``/ui/oidc``. Lives as long as the process."""

    def __init__(self, oidc: Oidc | None, sessions: Sessions, public_url: str = "") -> None:
        self._oidc = oidc if oidc is not None and oidc.settings.client_id else None
        self._sessions = sessions
        self._public_url = public_url.rstrip("/")

    def start(self, app: web.Application) -> None:
        """Add the addresses."""
        app.router.add_get(PATH, self._offered)
        app.router.add_get(f"{PATH}/start", self._start)
        app.router.add_get(f"{PATH}/callback", self._callback)

    async def _offered(self, request: web.Request) -> web.Response:
        offered = {"offered": self._oidc is not None}
        told = {**offered, "issuer": self._oidc.settings.issuer} if self._oidc is not None else offered
        return answers.answer(200, told, {"Cache-Control": "no-store", **files.HEADERS})

    async def _start(self, request: web.Request) -> web.Response:
        try:
            url, kept = await self._provider().start(self._back_to(request))
        except Refusal as refusal:
            return _home(refusal.text)
        response = _redirect(url)
        # Lax: the way back is a navigation that begins at the provider's site.
        response.set_cookie(
            ATTEMPT, kept, path=PATH, httponly=True, samesite="Lax", secure=request.secure, max_age=int(ATTEMPT_S)
        )
        return response

    async def _callback(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            if "code" not in query:
                raise Refusal(Fault.UNAUTHENTICATED, "the identity provider did not sign you in")
            kept = request.cookies.get(ATTEMPT, "")
            key = await self._provider().finish(kept, query.get("state", ""), query["code"], self._back_to(request))
            session, cookie = self._sessions.of_provider(key)
        except Refusal as refusal:
            response = _home(refusal.text)
        else:
            response = _home()
            response.set_cookie(
                COOKIE,
                cookie,
                path="/ui",
                httponly=True,
                samesite="Strict",
                secure=request.secure,
                max_age=int(session.expires - self._sessions.now()),
            )
        response.del_cookie(ATTEMPT, path=PATH, httponly=True, samesite="Lax")
        return response

    def _provider(self) -> Oidc:
        if self._oidc is None:
            raise Refusal(Fault.UNAVAILABLE, "no identity provider is configured; sign in with a key")
        return self._oidc

    def _back_to(self, request: web.Request) -> str:
        """As registered at the provider: the public address where one is configured."""
        return f"{self._public_url or f'{request.scheme}://{request.host}'}{PATH}/callback"


def _home(error: str = "") -> web.Response:
    return _redirect(f"/ui/#error={quote(error)}" if error else "/ui/")


def _redirect(address: str) -> web.Response:
    headers = {"Location": address, "Cache-Control": "no-store", **files.HEADERS}
    return web.Response(status=303, headers=headers)
