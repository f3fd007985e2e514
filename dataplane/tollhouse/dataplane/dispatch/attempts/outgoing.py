"""The body one attempt sends: the client's own with only the edits meant, or a translation of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse.dataplane import registry
from tollhouse.dataplane.dispatch.attempts.fitting import fit, without_call_ids
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import GatewayFault
from tollhouse.dataplane.protocol import Protocol, ReplyContext

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_LIMIT_FIELDS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "generationConfig.maxOutputTokens",
    "generation_config.max_output_tokens",
    "inferenceConfig.maxTokens",
)
_HOLDERS = frozenset(name.partition(".")[0] for name in _LIMIT_FIELDS)
"""The top-level fields they stand in."""
_LIMITS_IN = {holder: [one for one in _LIMIT_FIELDS if one.partition(".")[0] == holder] for holder in _HOLDERS}


_CHAT = "openai_chat"
_GOOGLE = "gemini_generate"
"""The formats vendors have dialects of."""


class Prepared(msgspec.Struct):
    """What goes out, and what reading the answer needs to know of it."""

    spoken: Protocol
    same: bool
    """The provider speaks the client's own format."""
    body: bytes
    hide_usage: bool = False
    renamed_tools: dict[str, str] = msgspec.field(default_factory=dict)
    dropped: list[str] = msgspec.field(default_factory=list)
    output_limit: int | None = None
    """Output tokens the provider is told to stop at; None: it is told nothing."""


def spoken_protocol(client: Protocol, target: Target) -> Protocol:
    """The client's format when the provider speaks it, else the provider's preferred one. A configured address with a
    path of its own speaks the format that path belongs to."""
    endpoint = target.endpoint
    names = _spoken(tuple(endpoint.provider.speaks), endpoint.path)
    if client.name in names:
        return client
    if not names:
        raise GatewayFault("unspoken_protocol", f"None of the formats of {target.name} is known to this gateway.")
    return registry.protocols_by_name()[names[0]]


def speaks(client: Protocol, target: Target) -> bool:
    """Whether the provider speaks the client's format."""
    return client.name in _spoken(tuple(target.endpoint.provider.speaks), target.endpoint.path)


@lru_cache(maxsize=1024)
def _spoken(speaks: tuple[str, ...], path: str) -> tuple[str, ...]:
    """The formats known here, and of them those the path of an address belongs to, if any."""
    known = registry.protocols_by_name()
    names = tuple(name for name in speaks if name in known)
    if path:
        names = tuple(name for name in names if known[name].claims(path, None)) or names
    return names


def prepare(ex: Exchange, target: Target, output_limit: int | None = None) -> Prepared:
    """Encode the request for a target. ``output_limit``: output tokens it must not pass. Raises ClientError when the
    request cannot be carried over."""
    assert ex.protocol is not None
    assert ex.document is not None
    spoken = spoken_protocol(ex.protocol, target)
    if spoken is ex.protocol:
        document = ex.document.copy()
        _edit(document, target, spoken, ex.peek.max_tokens)
        left_out: list[str] = []
        hide = spoken.passthrough_edits(document, left_out)
        limit = _bound(document, target, spoken, output_limit)
        left_out += _fit(document, target, spoken, translated=False)
        return Prepared(spoken, True, document.encode(), hide, {}, left_out, limit)
    chat = msgspec.structs.replace(ex.chat, model=target.model or ex.peek.model)
    dialect = target.endpoint.provider.dialect
    chat.keeps_thoughts = dialect is not None and dialect.wants_thoughts
    unheard = chat.reasoning is not None and "reasoning" in target.lacks
    if unheard:  # agents ask every model to think; one that cannot would refuse the request for it
        chat.reasoning = None
    encoded = spoken.encode_request(chat, max_output_tokens=target.max_output or None)
    body = encoded.body
    limit_field = _limit_field(target, spoken)
    if limit_field not in body and "max_tokens" in body:  # OpenAI's reasoning models refuse the older name
        body[limit_field] = body.pop("max_tokens")
    document = RequestDocument(msgspec.json.encode(body))
    _edit(document, target, spoken, None)
    dropped = [*encoded.dropped, "reasoning"] if unheard else encoded.dropped
    limit = _bound(document, target, spoken, output_limit)
    dropped = [*dropped, *_fit(document, target, spoken, translated=True)]
    return Prepared(spoken, False, document.encode(), False, encoded.renamed_tools, dropped, limit)


def reply_context(ex: Exchange, prepared: Prepared) -> ReplyContext:
    """What the client's encoder needs to know: of the request all but what was said. Decodes it, so only where the
    answer is re-encoded."""
    request = msgspec.structs.replace(ex.chat, messages=[])
    if ex.peek.stream:  # it may last for minutes, and a prompt be large
        ex.forget_chat()
    return ReplyContext(
        ex.peek.model,
        request.stream_usage,
        prepared.renamed_tools,
        ex.id,
        int(ex.received_at),
        request,
        prepared.spoken.name,
    )


def _fit(document: RequestDocument, target: Target, spoken: Protocol, *, translated: bool) -> list[str]:
    dialect = target.endpoint.provider.dialect
    if dialect is None:
        return []
    if spoken.name == _GOOGLE and not dialect.takes_call_ids:
        without_call_ids(document)
    return fit(document, dialect, translated=translated) if spoken.name == _CHAT else []


def _edit(document: RequestDocument, target: Target, spoken: Protocol, asked_tokens: int | None) -> None:
    provider = target.endpoint.provider
    named = spoken.model_in_body and (provider.sends_model or not target.endpoint.path)
    if not named:
        document.remove("model")
    elif target.model and document.get("model") != target.model:
        document.set("model", target.model)
    limit_field = _limit_field(target, spoken)
    for name, value in target.options.items():
        if name == "model":
            continue
        if name == "max_tokens":
            _limit(document, limit_field, value)
        else:
            _put(document, spoken.option_fields.get(name, name), value)
    partial = target.overrides.get(spoken.name)
    if partial:
        _merge_into(document, partial, force=target.force_overrides)
    if not spoken.limit_field:
        return
    if target.max_tokens is not None:
        _limit(document, limit_field, target.max_tokens)
    elif not target.native and target.max_output and asked_tokens is not None and asked_tokens > target.max_output:
        _limit(document, limit_field, target.max_output)  # a stand-in must not fail on the other model's limit
    if target.max_tokens_cap is not None:
        _bound(document, target, spoken, target.max_tokens_cap)


def _limit_field(target: Target, spoken: Protocol) -> str:
    return target.endpoint.provider.max_tokens_field.get(spoken.name) or spoken.limit_field


def _bound(document: RequestDocument, target: Target, spoken: Protocol, most: int | None) -> int | None:
    """Lower the limit to ``most``, if given; the limit as it is then."""
    limit: int | None = None
    for holder in document.those_of(_HOLDERS):
        for name in _LIMITS_IN[holder]:
            value = _look(document, name)
            if isinstance(value, int) and value >= 0 and (limit is None or value > limit):
                limit = value
    if most is not None and (limit is None or limit > most):
        _limit(document, _limit_field(target, spoken), most)
        return most
    return limit


def _limit(document: RequestDocument, field_name: str, value: Any) -> None:
    for name in _LIMIT_FIELDS:
        if name == field_name:
            continue
        holder, _, inner = name.partition(".")
        if not inner:
            document.remove(name)
        elif _look(document, name) is not None:
            document.set(holder, {key: kept for key, kept in document.get(holder).items() if key != inner})
    _put(document, field_name, value)


def _look(document: RequestDocument, field_name: str) -> Any:
    """The value of a field; a dot leads into an object."""
    holder, _, inner = field_name.partition(".")
    value = document.get(holder)
    if not inner:
        return value
    return value.get(inner) if isinstance(value, dict) else None


def _put(document: RequestDocument, field_name: str, value: Any) -> None:
    holder, _, inner = field_name.partition(".")
    if not inner:
        document.set(holder, value)
        return
    before = document.get(holder)
    document.set(holder, {**(before if isinstance(before, dict) else {}), inner: value})


def _merge_into(document: RequestDocument, partial: Mapping[str, Any], *, force: bool) -> None:
    for name, value in partial.items():
        if name not in document:
            document.set(name, value)
        else:
            document.set(name, merge(document.get(name), value, force=force))


def merge(base: Any, over: Any, *, force: bool) -> Any:
    """Objects are merged deeply, arrays replaced; of two plain values the client's stays unless forced (APISIX)."""
    if isinstance(base, dict) and isinstance(over, Mapping):
        merged = dict(base)
        for name, value in over.items():
            merged[name] = merge(base[name], value, force=force) if name in base else value
        return merged
    return over if force else base
