"""The first steps of every request, answered or only explained: its route, its format, its body, whether it may run."""

from __future__ import annotations

from functools import lru_cache

from tollhouse.dataplane import registry
from tollhouse.dataplane.config.snapshot import CompiledRoute
from tollhouse.dataplane.dispatch.money.refusals import stopped
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.named_twice import twice_within
from tollhouse.dataplane.pipeline import Pipeline
from tollhouse.dataplane.protocol import Protocol
from tollhouse.dataplane.variables import BodyNeeded

NOT_FOUND = "404 Route Not Found"


async def match_route(ex: Exchange) -> CompiledRoute | None:
    """The route that serves a request, None when none does; the body is read where a route asks for it."""
    try:
        route = ex.snapshot.match(ex)
    except BodyNeeded:
        ex.body = await ex.read_body()
        route = ex.snapshot.match(ex)
    ex.route = route
    return route


async def read_document(ex: Exchange, pipeline: Pipeline) -> None:
    """Read the body as the client's format. Raises ClientError for what is no request in any format served here."""
    if ex.body is None:
        ex.body = await ex.read_body()
    if not ex.body and not pipeline.ai:
        return
    if pipeline.ai and not ex.body and not (ex.protocol is not None and ex.protocol.opaque):
        raise ClientError(
            400,
            "missing_body",
            "The request has no body. Send a JSON object.",
            apisix_body={"message": "missing request body"},
        )
    protocol = ex.protocol
    ex.document = RequestDocument(ex.body) if protocol is None else protocol.read_document(ex.body, ex.headers)
    if ex.protocol is None and pipeline.ai:
        ex.protocol = next((one for one in registry.protocol_list() if one.claims(ex.path, ex.document)), None)
        if ex.protocol is None:
            ex.protocol = dialect(ex)
            served = ", ".join(one.name for one in registry.protocol_list())
            raise ClientError(
                404,
                "unknown_protocol",
                f"No protocol served here fits {ex.method} {ex.path}. Served are: {served}.",
            )
    if ex.protocol is not None:
        _require_one_meaning(ex.protocol, ex.document)
        ex.protocol.enter(ex.path, ex.query, ex.document)


def _require_one_meaning(protocol: Protocol, document: RequestDocument) -> None:
    """Refuse what a provider may read otherwise than it is judged and charged here. Raises ClientError 400."""
    twice = document.named_twice()
    holder, dot, _ = protocol.limit_field.partition(".")
    if not twice and dot and holder in document:
        inner = twice_within(document.raw_field(holder))
        twice = inner and f"{holder}.{inner}"
    if twice:
        message = f"The request names {twice[:80]!r} twice, and providers differ in which one they take. Send it once."
        raise ClientError(400, "duplicate_field", message, param=twice[:80])


@lru_cache(maxsize=4096)
def protocol_by_path(path: str) -> Protocol | None:
    """The format a path alone tells; None: the body has to say. Paths come from clients, so few are remembered."""
    return next((one for one in registry.protocol_list() if one.claims(path, None)), None)


def dialect(ex: Exchange) -> Protocol | None:
    """The format in which a caller expects to be told what concerns no format: by the vendors' own addresses. None on
    paths that are nobody's."""
    by_name = registry.protocols_by_name()
    if "/v1beta/" in ex.path or "x-goog-api-client" in ex.headers:
        return by_name["gemini_generate"]
    if "anthropic-version" in ex.headers or "/v1/messages" in ex.path:
        return by_name["anthropic_messages"]
    return by_name["openai_chat"] if "/v1/" in ex.path else None


def require_running(ex: Exchange, pipeline: Pipeline) -> None:
    """Raises 403 for a caller whose kill switch is on. Stopping everyone concerns routes that serve models only."""
    budgets = ex.snapshot.budgets
    consumer = ex.consumer
    if consumer is None and not pipeline.ai:
        return
    groups = budgets.groups(consumer.group_id) if consumer is not None else ()
    reason = budgets.stops.reason(ex.consumer_name, groups, everyone=pipeline.ai)
    if reason is not None:
        raise stopped(reason)


def no_route(ex: Exchange) -> ClientError:
    return ClientError(
        404, "route_not_found", f"No route serves {ex.method} {ex.path}.", apisix_body={"error_msg": NOT_FOUND}
    )
