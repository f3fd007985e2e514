"""Variables of a request under nginx's and APISIX's names: for ``vars``, limit keys, log formats and rewrites."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import msgspec

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Attempt, Exchange

Reader = Callable[["Exchange"], Any]
"""Reads one variable: text, a number, JSON data (``post_arg.<path>``), or None when there is none."""


class BodyNeeded(Exception):
    """A variable of the body was asked for before the body was read. Read it (``ex.body``) and ask again."""


def value(ex: Exchange, name: str) -> Any:
    """The value of a variable, None when it is not known or has no value now. Raises BodyNeeded."""
    return reader(name)(ex)


@lru_cache(maxsize=4096)
def reader(name: str) -> Reader:
    """The function that reads a variable; keep it where the name is known in advance."""
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    for prefix, make in _PREFIXED:
        if name.startswith(prefix) and len(name) > len(prefix):
            return make(name[len(prefix) :])
    return _absent


def _absent(ex: Exchange) -> None:
    return None


# --- templates --------------------------------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$(?:\{([a-zA-Z_][\w.\-\[\]]*)\}|([a-zA-Z_]\w*))")


class Template:
    """Text with ``$name`` or ``${name}`` in it, read once. Immutable; shared."""

    __slots__ = ("_parts", "names", "text")

    def __init__(self, text: str, instead: Mapping[str, Reader] | None = None) -> None:
        """``instead``: readers to use for some names, in place of the usual ones."""
        self.text = text
        self.names: list[str] = []
        """The variables it uses, in order."""
        self._parts: list[str | Reader] = []
        end = 0
        for found in _VARIABLE.finditer(text):
            if found.start() > end:
                self._parts.append(text[end : found.start()])
            name = found[1] or found[2]
            self.names.append(name)
            self._parts.append((instead or {}).get(name) or reader(name))
            end = found.end()
        if end < len(text):
            self._parts.append(text[end:])

    def __call__(self, ex: Exchange) -> str:
        """The text for one request; variables without a value are empty. Raises BodyNeeded."""
        return "".join(part if isinstance(part, str) else as_text(part(ex)) for part in self._parts)

    def resolved(self, ex: Exchange) -> tuple[str, int]:
        """The text, and how many variables had a value (APISIX keys count as missing when none had)."""
        texts = [part if isinstance(part, str) else as_text(part(ex)) for part in self._parts]
        known = sum(1 for part, text in zip(self._parts, texts, strict=True) if text and not isinstance(part, str))
        return "".join(texts), known


def template(text: str) -> Template:
    """Compile ``"$consumer_name:$remote_addr"`` to a function of the exchange."""
    return Template(text)


def as_text(value: Any) -> str:
    """A variable's value as nginx would write it; empty for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)


# --- families of variables --------------------------------------------------------------------------------------------


def _arg(name: str) -> Reader:
    return lambda ex: ex.args.get(name)


def _header(name: str) -> Reader:
    header = name.replace("_", "-").lower()
    return lambda ex: ex.headers.get(header)


def _cookie(name: str) -> Reader:
    def read(ex: Exchange) -> str | None:
        # By hand: http.cookies gives up on the whole header at the first cookie it finds irregular.
        for pair in (ex.headers.get("cookie") or "").split(";"):
            key, equals, text = pair.strip().partition("=")
            if equals and key == name:
                return text.strip('"')
        return None

    return read


def _form_argument(name: str) -> Reader:
    def read(ex: Exchange) -> str | None:
        if not _content_type(ex).startswith("application/x-www-form-urlencoded"):
            return None
        return _form(_body(ex)).get(name)

    return read


def _body_path(path: str) -> Reader:
    steps = tuple(_steps(path))

    def read(ex: Exchange) -> Any:
        kind = _content_type(ex)
        if kind.startswith("application/x-www-form-urlencoded"):
            return _form(_body(ex)).get(path)
        if "json" not in kind:
            return None
        if ex.document is not None:
            found = ex.document.get(str(steps[0])) if steps else ex.document.as_dict()
            return _follow(found, steps[1:])
        try:
            return _follow(msgspec.json.decode(_body(ex)), steps)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    return read


def _steps(path: str) -> list[str | int]:
    """``a.b[0].c`` as steps; a leading ``$.`` (JSONPath's root) is dropped, ``[*]`` is every item."""
    steps: list[str | int] = []
    for part in path.removeprefix("$").removeprefix(".").split("."):
        name, *indexes = part.replace("]", "").split("[")
        if name:
            steps.append(name)
        steps += [int(index) if index.lstrip("-").isdigit() else index.strip("'\"") for index in indexes]
    return steps


def _follow(found: Any, steps: tuple[str | int, ...]) -> Any:
    for position, step in enumerate(steps):
        if step == "*" and isinstance(found, list | dict):
            items = found if isinstance(found, list) else list(found.values())
            inner = [_follow(item, steps[position + 1 :]) for item in items]
            return [item for item in inner if item is not None]
        if isinstance(found, dict):
            found = found.get(str(step))
        elif isinstance(found, list) and isinstance(step, int) and -len(found) <= step < len(found):
            found = found[step]
        else:
            return None
    return found


def _content_type(ex: Exchange) -> str:
    return (ex.headers.get("content-type") or "").lower()


def _body(ex: Exchange) -> bytes:
    if ex.body is not None:
        return ex.body
    if ex.headers.get("content-length", "0") == "0" and "transfer-encoding" not in ex.headers:
        return b""
    raise BodyNeeded


def _form(body: bytes) -> dict[str, str]:
    form: dict[str, str] = {}
    for name, text in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        form.setdefault(name, text)
    return form


_PREFIXED: tuple[tuple[str, Callable[[str], Reader]], ...] = (
    ("arg_", _arg),
    ("http_", _header),
    ("cookie_", _cookie),
    ("post_arg_", _form_argument),
    ("post_arg.", _body_path),
)


# --- single variables -------------------------------------------------------------------------------------------------


def _request_uri(ex: Exchange) -> str:
    path = ex.raw_path
    if path is None:
        path = quote(ex.path, safe="/:@!$&'()*+,;=-._~", errors="surrogateescape")
    return f"{path}?{ex.query}" if ex.query else path


def _group_id(ex: Exchange) -> str | None:
    return None if ex.consumer is None else ex.consumer.group_id or None


def _last(ex: Exchange) -> Attempt | None:
    return ex.attempts[-1] if ex.attempts else None


def _request_type(ex: Exchange) -> str:
    if ex.protocol is None or ex.document is None:
        return "traditional_http"
    return "ai_stream" if ex.document.get("stream") is True else "ai_chat"


def _request_model(ex: Exchange) -> str:
    model = ex.document.get("model") if ex.document is not None else None
    return model if isinstance(model, str) else ""


def _answering_model(ex: Exchange) -> str:
    last = _last(ex)
    return "" if last is None else last.model


def _time_to_first_token(ex: Exchange) -> int:
    last = _last(ex)
    return 0 if last is None or last.first_byte_s is None else round((last.first_byte_s - last.started_s) * 1000)


def _upstream_time(ex: Exchange) -> int | None:
    last = _last(ex)
    return None if last is None or last.ended_s is None else round((last.ended_s - last.started_s) * 1000)


def _upstream_status(ex: Exchange) -> int | None:
    last = _last(ex)
    return None if last is None else last.status or None


def _tokens(attribute: str) -> Reader:
    def read(ex: Exchange) -> int:
        usage = ex.usage
        return 0 if usage is None else int(getattr(usage, attribute))

    return read


def _cache_writes(ex: Exchange) -> int:
    usage = ex.usage
    return 0 if usage is None else usage.cache_write_tokens + usage.cache_write_1h_tokens


def _of_route(read: Callable[[Any], Any]) -> Reader:
    return lambda ex: None if ex.route is None else read(ex.route) or None


_PLAIN: dict[str, Reader] = {
    "uri": lambda ex: ex.path,
    "document_uri": lambda ex: ex.path,
    "request_uri": _request_uri,
    "args": lambda ex: ex.query,
    "query_string": lambda ex: ex.query,
    "is_args": lambda ex: "?" if ex.query else "",
    "host": lambda ex: ex.host,
    "server_name": lambda ex: ex.host,
    "scheme": lambda ex: ex.scheme,
    "https": lambda ex: "on" if ex.scheme == "https" else "",
    "method": lambda ex: ex.method,
    "request_method": lambda ex: ex.method,
    "request": lambda ex: f"{ex.method} {_request_uri(ex)} HTTP/1.1",
    "request_id": lambda ex: ex.id,
    "remote_addr": lambda ex: ex.client_ip,
    "content_type": _header("content_type"),
    "content_length": _header("content_length"),
    "request_body": lambda ex: None if ex.body is None else ex.body.decode("utf-8", "replace"),
    "msec": lambda ex: f"{ex.received_at:.3f}",
    "status": lambda ex: ex.status,
    "bytes_sent": lambda ex: ex.reply_bytes,
    "body_bytes_sent": lambda ex: ex.reply_bytes,
    "consumer_name": lambda ex: ex.consumer_name or None,
    "consumer_group_id": _group_id,
    "credential_id": lambda ex: ex.credential_id or None,
    "route_id": _of_route(lambda route: route.id),
    "route_name": _of_route(lambda route: route.name),
    "service_id": _of_route(lambda route: route.service_id),
    "matched_uri": _of_route(lambda route: route.matched_uri),
    "upstream_status": _upstream_status,
    "apisix_upstream_response_time": _upstream_time,
    "request_type": _request_type,
    "request_llm_model": _request_model,
    "llm_model": _answering_model,
    "llm_stream": lambda ex: ex.document is not None and ex.document.get("stream") is True,
    "llm_time_to_first_token": _time_to_first_token,
    "llm_prompt_tokens": _tokens("input_tokens"),
    "llm_completion_tokens": _tokens("output_tokens"),
    "llm_total_tokens": _tokens("total_tokens"),
    "llm_cache_read_input_tokens": _tokens("cached_tokens"),
    "llm_cache_creation_input_tokens": _cache_writes,
    "llm_reasoning_tokens": _tokens("reasoning_tokens"),
}
