"""The console's addresses: its files under ``/ui``, and under ``/ui/api`` what its pages ask for and do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.body import read_body
from tollhouse.controlplane.api.routing import METHODS, ROOT, Target, read_path
from tollhouse.controlplane.audit.trail import AuditTrail, AuditUnavailable
from tollhouse.controlplane.author import Author, author, permit
from tollhouse.controlplane.console import files
from tollhouse.controlplane.console.looking import Looking
from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.console.sessions import COOKIE, CSRF_HEADER, LONGEST_S, Session, Sessions
from tollhouse.controlplane.permissions import AREAS
from tollhouse.controlplane.service.decoding import decode_json
from tollhouse.controlplane.service.permits import OF_GROUPS
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.service.service import Service

_log = logging.getLogger("tollhouse.controlplane.console")

Answer = web.StreamResponse
Dispatch = Callable[[web.Request, Target], Awaitable[Answer]]
ACTIONS = ("open", "close", "reset")
"""What may be done to the breakers of a target: keep it shut, keep it in traffic, let it judge by itself."""
READING_POSTS = frozenset({("schema", "validate"), ("configs", "validate")})
"""Addresses of the Admin API that are POST and write nothing: viewers may use them in the console."""


class Console:
    """Serves the console. Lives as long as the process."""

    def __init__(
        self,
        service: Service,
        sessions: Sessions,
        nodes: Nodes,
        sampler: Sampler,
        dispatch: Dispatch,
        audit: AuditTrail | None = None,
        *,
        ledger: bool = False,
    ) -> None:
        self._sessions = sessions
        self._nodes = nodes
        self._sampler = sampler
        self._dispatch = dispatch
        self._audit = audit
        self._ledger = ledger
        self._looking = Looking(service, sessions, nodes, sampler)
        self._files = files.load()
        self._sampling: asyncio.Task[None] | None = None

    def start(self, app: web.Application) -> None:
        """Add the addresses, and begin to sample."""
        add = app.router.add_route
        for path in ("/ui", "/ui/"):
            add("GET", path, self._index)
        for method, path, handler in (
            ("POST", "session", self._sign_in),
            ("GET", "session", self._who),
            ("DELETE", "session", self._sign_out),
            ("POST", "targets", self._set_target),
            *self._looking.addresses(),
            ("*", "admin/{path:.*}", self._admin),
        ):
            add(method, f"/ui/api/{path}", _fenced(handler))
        add("*", "/ui/api/{rest:.*}", _fenced(_nothing))
        add("GET", "/ui/{path:.*}", self._file)
        self._sampling = asyncio.get_running_loop().create_task(self._sampler.run(), name="sample the nodes")

    async def close(self) -> None:
        """Stop sampling, let go of the nodes."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)
        await self._nodes.close()

    # -- files

    async def _index(self, request: web.Request) -> Answer:
        if request.path == "/ui":
            return web.Response(status=308, headers={"Location": "/ui/", **files.HEADERS})
        return self._static(request, "index.html")

    async def _file(self, request: web.Request) -> Answer:
        return self._static(request, request.match_info["path"])

    def _static(self, request: web.Request, path: str) -> Answer:
        file = self._files.get(path)
        if file is None:
            response = answers.answer(404, {"error_msg": "there is no such file"})
        else:
            response = files.respond(request, file)
        response.headers.update(files.HEADERS)
        return response

    # -- the session

    async def _sign_in(self, request: web.Request) -> Answer:
        if request.content_type != "application/json":  # what a form of another site can send is not JSON
            raise invalid("expected JSON")
        body = decode_json(await read_body(request))
        key = body.get("key") if isinstance(body, dict) else None
        if not isinstance(key, str):
            raise invalid("key: expected the admin key")
        session, cookie = self._sessions.begin(key, request.remote or "")
        response = answers.answer(200, self._shown(session))
        response.set_cookie(
            COOKIE, cookie, path="/ui", httponly=True, samesite="Strict", secure=request.secure, max_age=LONGEST_S
        )
        return response

    async def _who(self, request: web.Request) -> Answer:
        """Not being signed in is an answer here, not an error."""
        try:
            return answers.answer(200, self._shown(self._session(request)))
        except Refusal:
            return answers.answer(200, {"name": None})

    async def _sign_out(self, request: web.Request) -> Answer:
        self._sessions.check_token(self._session(request), request.headers.get(CSRF_HEADER))
        response = answers.answer(200, {})
        response.del_cookie(COOKIE, path="/ui", samesite="Strict", httponly=True)
        return response

    def _shown(self, session: Session) -> dict[str, Any]:
        """What a page has to know of it."""
        permitted = session.key.permit
        areas = AREAS & OF_GROUPS if permitted.groups else AREAS
        return {
            "name": session.key.name,
            "role": session.key.role,
            "may_write": session.may_write,
            "writes": sorted(area for area in areas if permitted.allows("write", area)),
            "deletes": sorted(area for area in areas if permitted.allows("delete", area)),
            "narrowed": bool(permitted.groups),
            "ledger": self._ledger and not permitted.groups and permitted.allows("read", "spend"),
            "csrf": session.csrf,
            "expires": session.expires,
        }

    def _session(self, request: web.Request) -> Session:
        return self._sessions.read(request.cookies.get(COOKIE))

    # -- what pages do

    async def _set_target(self, request: web.Request) -> Answer:
        """An operator's word on the breakers of a target, on every node."""
        session = self._session(request)
        self._sessions.check_write(session, request.headers.get(CSRF_HEADER))
        session.key.permit.require("write", "nodes")
        if session.key.permit.groups:
            raise Refusal(Fault.DENIED, "targets serve every consumer group; this identity is narrowed to some")
        body = decode_json(await read_body(request))
        name, action = (body.get("name"), body.get("action")) if isinstance(body, dict) else (None, None)
        if not isinstance(name, str) or not name or action not in ACTIONS:
            raise invalid(f"expected the name of a target, and an action: {', '.join(ACTIONS)}")
        known, silent = await self._nodes.set_target(name, action)
        who = Author(session.key.name, session.key.role, "console", request.remote or "")
        _log.info("target %s: %s by %s", name, action, who.name)
        if self._audit is not None:
            await self._note(self._audit, who, name, action)
        return answers.answer(200, {"known": known, "silent": silent})

    async def _note(self, audit: AuditTrail, who: Author, target: str, action: str) -> None:
        event = {"kind": "admin", "actor": who.name, "role": who.role, "via": who.via, "address": who.address}
        try:
            await audit.note({**event, "rule": f"targets/{target}", "action": action})
        except AuditUnavailable as error:
            _log.warning("what an operator did to target %s is not in the audit trail: %s", target, error)

    async def _admin(self, request: web.Request) -> Answer:
        """The Admin API with the session's role."""
        session = self._session(request)
        if request.method not in METHODS:
            raise Refusal(Fault.NOT_FOUND, "not found")
        target = read_path(f"{ROOT}/{request.match_info['path']}")
        reads = request.method == "POST" and (target.resource, target.object_id) in READING_POSTS
        if request.method != "GET":
            check = self._sessions.check_token if reads else self._sessions.check_write
            check(session, request.headers.get(CSRF_HEADER))
        author.set(Author(session.key.name, session.key.role, "console", request.remote or ""))
        permit.set(session.key.permit)
        return await self._dispatch(request, target)


async def _nothing(request: web.Request) -> Answer:
    raise Refusal(Fault.NOT_FOUND, "not found")


def _fenced(handler: Callable[[web.Request], Awaitable[Answer]]) -> Callable[[web.Request], Awaitable[Answer]]:
    """What is told to a page is not kept by the browser, and nothing to embed."""

    async def fenced(request: web.Request) -> Answer:
        try:
            response = await handler(request)
        except Refusal as error:
            response = answers.refusal(error)
            if error.fault is Fault.FORBIDDEN:
                response = answers.answer(403, {"error_msg": error.text})
        if not response.prepared:
            response.headers.update({"Cache-Control": "no-store", **files.HEADERS})
        return response

    return fenced
