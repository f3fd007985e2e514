"""The order of it all, as APISIX has it: path and method, key, stream routes, resource, verb, body, ttl, handler."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from aiohttp import web
from tollhouse.controlplane.access import Access
from tollhouse.controlplane.api import (
    answers,
    approval_page,
    approvals,
    areas,
    history,
    resealing,
    resources,
    schemas,
    spend,
)
from tollhouse.controlplane.api import audit as audit_api
from tollhouse.controlplane.api.body import read_body
from tollhouse.controlplane.api.routing import METHODS, ROOT, Target, read_path
from tollhouse.controlplane.audit.refusals import Refusals
from tollhouse.controlplane.audit.trail import AuditTrail
from tollhouse.controlplane.author import Author, author, permit
from tollhouse.controlplane.console.handlers import Console
from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.console.oidc import SignIn
from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.console.sessions import Sessions
from tollhouse.controlplane.identities.oidc import Oidc
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.permissions import ANYTHING, EVERYTHING
from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.decoding import BrokenBody, decode_json, decode_yaml
from tollhouse.controlplane.service.refusal import Fault, Refusal
from tollhouse.controlplane.service.service import Service

_log = logging.getLogger("tollhouse.controlplane.api")

SERVER_NAME = f"Tollhouse/{version('tollhouse')}"

Answer = web.StreamResponse


NOTED = frozenset({Fault.UNAUTHENTICATED, Fault.FORBIDDEN, Fault.DENIED})
"""Refusals that stand in the audit trail."""


class RestServer:
    """The listener on 9180. Lives as long as the process."""

    def __init__(
        self,
        service: Service,
        access: Access,
        cors_origin: str = "",
        ledger: Ledger | None = None,
        audit: AuditTrail | None = None,
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._audit = audit
        self._refusals = Refusals(audit)
        self._access = access
        self._cors_origin = cors_origin
        self._runner: web.AppRunner | None = None
        self._console: Console | None = None
        self._sign_in: SignIn | None = None

    def offer_console(self, nodes: Nodes, sample_s: float, oidc: Oidc | None = None, public_url: str = "") -> None:
        """Serve the console too; before ``start``."""
        sessions = Sessions(self._access)
        self._sign_in = SignIn(oidc, sessions, public_url)
        sampler, keeps = Sampler(nodes, sample_s), self._ledger is not None
        self._console = Console(self._service, sessions, nodes, sampler, self._for_console, self._audit, ledger=keeps)

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; returns the port. Raises OSError when it is taken."""
        app = web.Application(middlewares=[self._around])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        if self._service.approvals.links.offered:
            app.router.add_get("/approve/{token}", self._approval, allow_head=False)
            app.router.add_post("/approve/{token}", self._approval)
        if self._sign_in is not None:
            self._sign_in.start(app)
        if self._console is not None:
            self._console.start(app)
        app.router.add_route("*", "/{anything:.*}", self._admin)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Finish the requests under way and stop listening."""
        if self._console is not None:
            await self._console.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._refusals.close()

    @web.middleware
    async def _around(self, request: web.Request, handler: Callable[[web.Request], Awaitable[Answer]]) -> Answer:
        """Turns refusals into answers and sets the headers every answer has."""
        # One task serves all requests of a connection: nothing of the last one's identity may be left.
        author.set(Author("unknown", "", "rest", request.remote or ""))
        permit.set(EVERYTHING)
        try:
            response = await handler(request)
        except Refusal as error:
            response = answers.refusal(error)
            if error.fault in NOTED and error.text != "missing apikey":
                self._refusals.note(author.get(), f"{request.method} {request.path}", error.text)
        except BrokenBody as error:
            raw = error.raw.decode("utf-8", "replace")
            response = answers.answer(400, {"error_msg": f"invalid request body: {error.reason}", "req_body": raw})
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            response = answers.answer(500, {"error_msg": "internal error; the control plane's log says more"})
        if response.prepared:  # a stream that has ended
            return response
        response.headers["Server"] = SERVER_NAME
        if self._cors_origin and not request.path.startswith(("/ui", "/approve/")):
            response.headers["Access-Control-Allow-Origin"] = self._cors_origin
            response.headers["Access-Control-Allow-Headers"] = "X-API-KEY, Content-Type, If-Match, If-None-Match"
            response.headers["Access-Control-Allow-Methods"] = "GET, PUT, POST, PATCH, DELETE"
            response.headers["Access-Control-Expose-Headers"] = "*"
            response.headers["Access-Control-Max-Age"] = "3600"
            response.headers["Vary"] = "Origin"
        return response

    async def _admin(self, request: web.Request) -> Answer:
        if request.method == "OPTIONS" and self._cors_origin:
            return answers.bare(200)
        if request.method == "HEAD" and request.path.rstrip("/") == ROOT:
            return answers.bare(200)
        if not request.path.startswith(ROOT + "/") or request.method not in METHODS:
            return answers.bare(404)
        headers, address = request.headers, request.remote or ""
        key = await self._access.identify(headers.get("X-API-KEY"), headers.get("Authorization"), address)
        author.set(Author(key.name, key.role, "rest", address))
        permit.set(key.permit)
        if request.method != "GET":
            key.permit.require("delete" if request.method == "DELETE" else "write", ANYTHING)
        response = await self._dispatch(request, read_path(request.path))
        response.headers.setdefault("X-API-VERSION", "v3")
        return response

    async def _dispatch(self, request: web.Request, target: Target) -> Answer:
        areas.check(request.method, target, request.query)
        fixed = schemas.FIXED.get((target.resource, target.object_id))
        if fixed is not None:
            return await self._fixed(request, target, fixed)
        if target.resource == "spend":
            return await spend.handle(self._ledger, request, target.object_id)
        if target.resource == "stream_routes":
            raise Refusal(Fault.INVALID, "stream mode is disabled, can not add stream routes")
        if target.resource in schemas.READ_ONLY:
            if request.method != "GET":
                raise Refusal(Fault.NOT_FOUND, "not found")
            return schemas.READ_ONLY[target.resource](request, target)
        if target.resource == "audit":
            return await audit_api.handle(self._audit, request, target)
        if target.resource == "history":
            return await history.handle(self._service, request, target)
        if target.resource == "reseal":
            return await resealing.handle(self._service, request)
        if target.resource == "approvals":
            return await approvals.handle(self._service, request, target)
        rules.check_verb(rules.kind_of(target.resource), request.method)
        if target.sub_path and (request.method != "PATCH" or not target.object_id):
            raise Refusal(Fault.NOT_FOUND, "not found")  # APISIX ignores the rest of the path, and writes elsewhere
        body = decode_json(await read_body(request))
        return await resources.handle(self._service, request, target, body, resources.read_ttl(request))

    async def _for_console(self, request: web.Request, target: Target) -> Answer:
        """The same, and the same in the audit trail: the console answers refusals itself."""
        try:
            return await self._dispatch(request, target)
        except Refusal as error:
            if error.fault in NOTED:
                self._refusals.note(author.get(), f"{request.method} {request.path}", error.text)
            raise

    async def _fixed(self, request: web.Request, target: Target, fixed: schemas.Fixed) -> Answer:
        if request.method != fixed.method:
            return fixed.otherwise(request)
        raw = await read_body(request) if fixed.takes_body else b""
        body = decode_yaml(raw) if "yaml" in request.content_type else decode_json(raw)
        return fixed.handler(self._service, request, target, body)

    async def _approval(self, request: web.Request) -> Answer:
        """By a signed link, without a key."""
        page = approval_page.show if request.method == "GET" else approval_page.decide
        return await page(self._service.approvals, request)

    async def _healthz(self, request: web.Request) -> Answer:
        return answers.answer(200, {"status": "ok"})

    async def _readyz(self, request: web.Request) -> Answer:
        """Ready means etcd answers."""
        return answers.answer(200, {"status": "ready", "revision": await self._service.revision()})
