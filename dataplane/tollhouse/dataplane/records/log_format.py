"""A configured log format, compiled once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.records import redaction
from tollhouse.dataplane.records.log_entry import Entry, attempt_entry, is_judged, timestamp
from tollhouse.dataplane.variables import BodyNeeded, reader
from tollhouse.proto.units import format_usd

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


class LogFormat:
    """``log_format`` compiled once: ``$name`` is a variable, anything else stands as it is; objects may be nested."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = tuple((name, _field(value)) for name, value in fields.items())

    def __call__(self, ex: Exchange) -> Entry:
        """The fields of one exchange; a variable without a value is left out (APISIX)."""
        entry = {}
        for name, read in self._fields:
            value = read(ex)
            if value is not None:
                entry[name] = value
        return entry

    def entry(self, ex: Exchange) -> Entry:
        """The fields, with the ids APISIX always adds."""
        entry = self(ex)
        if ex.route is not None:
            entry["route_id"] = ex.route.id
            if ex.route.service_id:
                entry["service_id"] = ex.route.service_id
        return entry


def _field(value: Any) -> Callable[[Exchange], Any]:
    if isinstance(value, Mapping):
        nested = LogFormat(value)
        return lambda ex: nested(ex) or None
    if isinstance(value, str) and value.startswith("$") and len(value) > 1:
        return _variable(value[1:])
    return lambda ex: value


def _variable(name: str) -> Callable[[Exchange], Any]:
    """A variable as a log may show it: what carries a secret is masked even when it was asked for."""
    own = _OWN.get(name)
    if own is not None:
        return own
    read = reader(name)
    family, _, rest = name.partition("_")
    if family in ("http", "cookie", "arg") and rest:
        plain = rest.replace("_", "-").lower()

        def guarded(ex: Exchange) -> Any:
            value = _quietly(read, ex)
            if value is None:
                return None
            known = redaction.configured_names(ex.pipeline)
            hidden = redaction.is_secret_name(rest) or plain in known or rest.lower() in known
            return redaction.MASK if hidden else value

        return guarded
    return lambda ex: _quietly(read, ex)


def _quietly(read: Callable[[Exchange], Any], ex: Exchange) -> Any:
    try:
        return read(ex)
    except BodyNeeded:
        return None  # the body was streamed through and is gone


def _safe_request_uri(ex: Exchange) -> str:
    return redaction.safe_uri(ex.path, ex.query, redaction.configured_names(ex.pipeline))


def _safe_args(ex: Exchange) -> str:
    return redaction.safe_query(ex.query, redaction.configured_names(ex.pipeline))


_OWN: dict[str, Callable[[Exchange], Any]] = {
    "request_uri": _safe_request_uri,
    "request": lambda ex: f"{ex.method} {_safe_request_uri(ex)} HTTP/1.1",
    "args": _safe_args,
    "request_body": lambda ex: ex.body.decode("utf-8", "replace") if ex.body is not None and is_judged(ex) else None,
    "query_string": _safe_args,
    "time_iso8601": lambda ex: timestamp(ex.received_at),
    "target": lambda ex: ex.attempts[-1].target if ex.attempts else None,
    "cost_usd": lambda ex: format_usd(ex.cost_nano) if ex.attempts else None,
    "revision": lambda ex: ex.snapshot.revision,
    "trace_id": lambda ex: f"{ex.trace.trace_id:032x}" if ex.trace is not None else None,
    "span_id": lambda ex: f"{ex.trace.span_id:016x}" if ex.trace is not None else None,
    "attempts": lambda ex: [attempt_entry(attempt) for attempt in ex.attempts],
}
