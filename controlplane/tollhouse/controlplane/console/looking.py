"""What the console's pages ask for: the addresses under ``/ui/api`` that tell, and change nothing."""

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
from tollhouse.controlplane.author import permit
from tollhouse.controlplane.console import agents, budgets, files, objects
from tollhouse.controlplane.console.agents import Agents
from tollhouse.controlplane.console.budgets import Budgets
from tollhouse.controlplane.console.fleet import node_view
from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.console.prices import Prices
from tollhouse.controlplane.console.roster import Rosters
from tollhouse.controlplane.console.sampling import Sampler
from tollhouse.controlplane.console.sessions import COOKIE, CSRF_HEADER, Session, Sessions
from tollhouse.controlplane.console.targets import target_views
from tollhouse.controlplane.console.teams import Teams
from tollhouse.controlplane.service.decoding import decode_json
from tollhouse.controlplane.service.listing import Query
from tollhouse.controlplane.service.permits import Reach
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.admin.v1 import node_pb2

Answer = web.StreamResponse
Handler = Callable[[web.Request], Awaitable[Answer]]
PING_S = 15.0
LATELY_S = 3600


class Looking:
    """One per process."""

    def __init__(self, service: Service, sessions: Sessions, nodes: Nodes, sampler: Sampler) -> None:
        self._service = service
        self._sessions = sessions
        self._nodes = nodes
        self._sampler = sampler
        rosters = Rosters(service)
        self._agents = Agents(rosters, sampler)
        self._teams = Teams(rosters, sampler)
        self._budgets = Budgets(rosters, nodes)
        self._prices = Prices(service)

    def addresses(self) -> tuple[tuple[str, str, Handler], ...]:
        """Verb, path and who answers."""
        return (
            ("GET", "overview", self._tell_overview),
            ("GET", "agents", self._tell_agents),
            ("GET", "agents/{name}", self._tell_agent),
            ("GET", "teams", self._tell_teams),
            ("GET", "teams/{name}", self._tell_team),
            ("GET", "budgets", self._tell_budgets),
            ("GET", "objects/{kind}", self._tell_objects),
            ("GET", "fleet", self._tell_fleet),
            ("GET", "targets", self._tell_targets),
            ("POST", "explain", self._explain),
            ("GET", "tail", self._tail),
        )

    # -- who may

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.read(request.cookies.get(COOKIE))
        permit.set(session.key.permit)
        return session

    def _of_all(self, request: web.Request) -> Session:
        """The session of somebody who may see what nodes tell: it is of all consumer groups. Raises Refusal."""
        session = self._session(request)
        session.key.permit.require("read", "nodes")
        if session.key.permit.groups:
            text = "what nodes tell is of every consumer group; this identity is narrowed to some"
            raise Refusal(Fault.DENIED, text)
        return session

    async def _reach(self, request: web.Request, area: str) -> Reach | None:
        """What of the area this session may see. Raises Refusal."""
        self._session(request).key.permit.require("read", area)
        return await self._service.permits.reach()

    # -- people and money

    async def _tell_agents(self, request: web.Request) -> Answer:
        """One page of agents, with what each did in the last hour."""
        query = request.query
        wanted = agents.Wanted(
            query.get("search", "")[:100],
            query.get("group", ""),
            query.get("stopped", "") == "true",
            query.get("sort", "cost"),
            number(request, "page", 1),
        )
        told = await self._agents.show(wanted, await self._reach(request, "consumers"))
        return answers.answer(200, {**told, "since": self._sampler.since()})

    async def _tell_agent(self, request: web.Request) -> Answer:
        """One agent, with the budgets that count what it spends, and its keys."""
        reach = await self._reach(request, "consumers")
        told = await self._agents.one(request.match_info["name"], reach)
        standing = await self._budgets.of(told["name"], told["group"], reach)
        told |= {**standing, "keys": await self._keys(told["name"]), "since": self._sampler.since()}
        return answers.answer(200, told)

    async def _keys(self, agent: str) -> list[dict[str, Any]]:
        """What there is to know of the credentials of an agent; nothing of it lets anybody in."""
        if not permit.get().allows("read", "credentials"):
            return []
        found = (await self._service.list("credentials", Query(), agent)).objects
        kept = ("desc", "name", "create_time", "expires_at")
        return [
            {
                "id": one.id.rpartition("/")[2],
                "plugins": sorted(one.value.get("plugins") or ()),
                **{name: one.value.get(name) for name in kept},
            }
            for one in found
        ]

    async def _tell_teams(self, request: web.Request) -> Answer:
        """One page of teams, each below the one it belongs to."""
        reach = await self._reach(request, "consumer_groups")
        search = request.query.get("search", "")[:100]
        told = await self._teams.show(search, number(request, "page", 1), reach)
        return answers.answer(200, {**told, "since": self._sampler.since()})

    async def _tell_team(self, request: web.Request) -> Answer:
        """One team, with the budgets that count what it spends."""
        reach = await self._reach(request, "consumer_groups")
        told = await self._teams.one(request.match_info["name"], reach)
        told |= {**await self._budgets.of("", told["id"], reach), "since": self._sampler.since()}
        return answers.answer(200, told)

    async def _tell_budgets(self, request: web.Request) -> Answer:
        """One page of budgets and how each stands, under each of its keys; those nearest to their end first."""
        reach = await self._reach(request, "budgets")
        percent = number(request, "at_least", 0)
        wanted = budgets.Wanted(request.query.get("search", "")[:100], percent / 100, number(request, "page", 1))
        return answers.answer(200, await self._budgets.show(wanted, reach))

    async def _tell_objects(self, request: web.Request) -> Answer:
        """One page of the objects of a kind, their secrets masked."""
        self._session(request)
        search = request.query.get("search", "")[:100]
        told = await objects.show(self._service, request.match_info["kind"], search, number(request, "page", 1))
        return answers.answer(200, told)

    # -- what nodes tell

    async def _tell_overview(self, request: web.Request) -> Answer:
        self._of_all(request)
        minutes = min(max(number(request, "minutes", 60), 1), 360)
        return answers.answer(200, self._sampler.overview(minutes))

    async def _tell_fleet(self, request: web.Request) -> Answer:
        self._of_all(request)
        nodes = [node_view(node) for node in await self._service.fleet.nodes()]
        newest = await self._service.newest_revision()
        return answers.answer(200, {"nodes": nodes, "newest": newest, "silent": self._sampler.failed})

    async def _tell_targets(self, request: web.Request) -> Answer:
        """Targets as the workers of all nodes see them, with prices; and the models that have a name of their own."""
        self._of_all(request)
        health, failed = await self._nodes.health()
        since = time.time() - LATELY_S
        used = {row["name"]: row for row in self._sampler.table("target", since, "attempts")}
        paid = [row["name"] for row in self._sampler.table("priced", since, "tokens")]
        prices = await self._prices.now()
        rows = target_views(health, used, paid, prices)
        return answers.answer(200, {"targets": rows, "models": prices.models(), "silent": failed})

    async def _explain(self, request: web.Request) -> Answer:
        self._sessions.check_token(self._of_all(request), request.headers.get(CSRF_HEADER))
        body = decode_json(await read_body(request))
        if not isinstance(body, dict) or not isinstance(body.get("headers", {}), dict):
            raise invalid("expected an object with method, path, headers and body")
        asked = node_pb2.ExplainRequest(
            method=str(body.get("method", "POST")),
            path=str(body.get("path", "/")),
            headers={str(name).lower(): str(value) for name, value in body.get("headers", {}).items()},
            body=str(body.get("body", "")).encode(),
            client_address=str(body.get("client", "127.0.0.1")),
            route_id=str(body.get("route", "")),
            consumer=str(body.get("consumer", "")),
        )
        node, told = await self._nodes.explain(asked)
        shown = MessageToDict(told, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        return answers.answer(200, {"node": node, **shown})

    async def _tail(self, request: web.Request) -> Answer:
        """Finished requests as server-sent events."""
        self._of_all(request)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", **files.HEADERS}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(b": from now on\n\n")
        entries = self._nodes.tail(min(max(number(request, "most", 50), 1), 500))
        waiting: asyncio.Future[tuple[str, bytes, int]] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(entries))
                done, _ = await asyncio.wait({waiting}, timeout=PING_S)
                self._of_all(request)  # the session may be over, or its key withdrawn, since it began
                if not done:
                    await response.write(b": still there\n\n")
                    continue
                node, entry, lost = waiting.result()
                waiting = None
                told = b'{"node":%b,"lost":%d,"entry":%b}' % (orjson.dumps(node), lost, entry)
                await response.write(b"data: " + told + b"\n\n")
        except Refusal:
            return response  # the page asks again, and is told why
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            await entries.aclose()  # type: ignore[attr-defined]


def number(request: web.Request, name: str, default: int) -> int:
    """An argument of the query. Raises Refusal."""
    text = request.query.get(name, str(default))
    if not text.isdecimal() or len(text) > 9:
        raise invalid(f"invalid argument {name}: should be a whole number")
    return int(text)
