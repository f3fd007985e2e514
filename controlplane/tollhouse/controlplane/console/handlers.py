"""The console's addresses: its files under ``/ui``, and under ``/ui/api`` what its pages ask for and do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from tollhouse.controlplane.api import answers
from tollhouse.controlplane.api.body import read_body
from tollhouse.controlplane.api.routing import METHODS, ROOT, Target, read_path
from tollhouse.controlplane.author import Author, author, permit
from tollhouse.controlplane.console import files
from tollhouse.controlplane.console.agents import Agents, Wanted
from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.console.sessions import COOKIE, CSRF_HEADER, LONGEST_S, Session, Sessions
from tollhouse.controlplane.console.views import budget_views, node_view, target_views
from tollhouse.controlplane.service.decoding import decode_json
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.admin.v1 import node_pb2

Answer = web.StreamResponse
Dispatch = Callable[[web.Request, Target], Awaitable[Answer]]
PING_S = 15.0
READING_POSTS = frozenset({("schema", "validate"), ("configs", "validate")})
"""Addresses of the Admin API that are POST and write nothing: viewers may use them in the console."""


class Console:
    """Serves the console. Lives as long as the process."""

    def __init__(
        self, service: Service, sessions: Sessions, nodes: Nodes, sampler: Sampler, dispatch: Dispatch
    ) -> None:
        self._service = service
        self._sessions = sessions
        self._nodes = nodes
        self._sampler = sampler
        self._dispatch = dispatch
        self._agents_page = Agents(service, sampler)
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
            ("GET", "overview", self._overview),
            ("GET", "agents", self._agents),
            ("GET", "budgets", self._budgets),
            ("GET", "fleet", self._fleet),
            ("GET", "targets", self._targets),
            ("POST", "explain", self._explain),
            ("GET", "tail", self._tail),
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
        response = answers.answer(200, _shown(session))
        response.set_cookie(
            COOKIE, cookie, path="/ui", httponly=True, samesite="Strict", secure=request.secure, max_age=LONGEST_S
        )
        return response

    async def _who(self, request: web.Request) -> Answer:
        """Not being signed in is an answer here, not an error."""
        try:
            return answers.answer(200, _shown(self._session(request)))
        except Refusal:
            return answers.answer(200, {"name": None})

    async def _sign_out(self, request: web.Request) -> Answer:
        self._sessions.check_token(self._session(request), request.headers.get(CSRF_HEADER))
        response = answers.answer(200, {})
        response.del_cookie(COOKIE, path="/ui", samesite="Strict", httponly=True)
        return response

    def _session(self, request: web.Request) -> Session:
        return self._sessions.read(request.cookies.get(COOKIE))

    def _looking(self, request: web.Request) -> Session:
        """The session of somebody who may see what nodes tell: it is of all consumer groups. Raises Refusal."""
        session = self._session(request)
        session.key.permit.require("read", "nodes")
        if session.key.permit.groups:
            text = "what nodes tell is of every consumer group; this identity is narrowed to some"
            raise Refusal(Fault.DENIED, text)
        return session

    # -- what pages ask for

    async def _overview(self, request: web.Request) -> Answer:
        self._looking(request)
        minutes = min(max(_number(request, "minutes", 60), 1), 360)
        return answers.answer(200, self._sampler.overview(minutes))

    async def _agents(self, request: web.Request) -> Answer:
        """One page of agents, with what each did in the last hour."""
        self._looking(request)
        query = request.query
        wanted = Wanted(
            query.get("search", "")[:100],
            query.get("group", ""),
            query.get("sort", "cost"),
            _number(request, "page", 1),
        )
        return answers.answer(200, await self._agents_page.show(wanted))

    async def _budgets(self, request: web.Request) -> Answer:
        """How each budget stands, under each of its keys."""
        self._looking(request)
        told, failed = await self._nodes.budgets()
        return answers.answer(200, {"budgets": budget_views(told), "silent": failed})

    async def _fleet(self, request: web.Request) -> Answer:
        self._looking(request)
        nodes = [orjson.loads(orjson.dumps(node_view(node))) for node in await self._service.fleet.nodes()]
        newest = await self._service.newest_revision()
        return answers.answer(200, {"nodes": nodes, "newest": newest, "silent": self._sampler.failed})

    async def _targets(self, request: web.Request) -> Answer:
        self._looking(request)
        health, failed = await self._nodes.health()
        used = {row["name"]: row for row in self._sampler.table("target", time.time() - 3600, "attempts")}
        return answers.answer(200, {"targets": target_views(health, used), "silent": failed})

    async def _explain(self, request: web.Request) -> Answer:
        self._sessions.check_token(self._looking(request), request.headers.get(CSRF_HEADER))
        body = decode_json(await read_body(request))
        if not isinstance(body, dict) or not isinstance(body.get("headers", {}), dict):
            raise invalid("expected an object with method, path, headers and body")
        asked = node_pb2.ExplainRequest(
            method=str(body.get("method", "POST")),
            path=str(body.get("path", "/")),
            headers={str(name).lower(): str(value) for name, value in body.get("headers", {}).items()},
            body=str(body.get("body", "")).encode(),
            client_address=str(body.get("client", "127.0.0.1")),
        )
        node, told = await self._nodes.explain(asked)
        shown = MessageToDict(told, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        return answers.answer(200, {"node": node, **shown})

    async def _tail(self, request: web.Request) -> Answer:
        """Finished requests as server-sent events."""
        self._looking(request)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", **files.HEADERS}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b": from now on\n\n")
        entries = self._nodes.tail(min(max(_number(request, "most", 50), 1), 500))
        waiting: asyncio.Future[tuple[str, bytes, int]] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(entries))
                done, _ = await asyncio.wait({waiting}, timeout=PING_S)
                if not done:
                    await response.write(b": still there\n\n")
                    continue
                node, entry, lost = waiting.result()
                waiting = None
                told = b'{"node":%b,"lost":%d,"entry":%b}' % (orjson.dumps(node), lost, entry)
                await response.write(b"data: " + told + b"\n\n")
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            await entries.aclose()  # type: ignore[attr-defined]

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


def _shown(session: Session) -> dict[str, Any]:
    return {
        "name": session.key.name,
        "role": session.key.role,
        "may_write": session.may_write,
        "csrf": session.csrf,
        "expires": session.expires,
    }


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or len(text) > 9:
        raise invalid(f"invalid argument {name}: should be a whole number")
    return int(text)
