"""Change what goes to the upstream: path, method, host and headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, field_validator
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage
from tollhouse.dataplane.variables import Template, template
from tollhouse.proto.expression import compile_pattern

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.services import Services

Method = Literal[
    "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "MKCOL", "COPY", "MOVE", "PROPFIND", "LOCK", "UNLOCK", "PATCH",
    "TRACE",
]  # fmt: skip
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CAPTURE = re.compile(r"\$(?:\{(\d+)\}|(\d+))")
_SAFE_IN_PATH = "/:@!$&'()*+,;=-._~"

Names = Annotated[list[str], Field(min_length=1)]
Values = dict[str, str | int | float]


class HeaderEdits(PluginConfig):
    """What is done to request headers, in the order add, remove, set."""

    add: Values = {}
    """Appended to what the header has already."""

    remove: list[str] = []
    """Taken out."""

    set: Values = {}
    """Set, whatever was there before."""


class ProxyRewriteConfig(PluginConfig):
    """What is changed; at least one field is needed."""

    uri: str | None = Field(default=None, min_length=1, max_length=4096, pattern=r"^/[^\x00-\x1f\x7f]*$")
    """The path sent instead, with ``$variables``; the client's query is kept."""

    regex_uri: Annotated[list[str], Field(min_length=2)] | None = None
    """Pairs of a regular expression and what its match is replaced by (``$1`` captures); the first that matches counts.
    ``uri`` goes before."""

    method: Method | None = None
    """The method sent instead."""

    host: str | None = Field(default=None, pattern=r"^[0-9a-zA-Z.\-]+(:\d{1,5})?$")
    """The Host header sent instead."""

    headers: HeaderEdits | None = None
    """Header edits: ``{"add": {}, "set": {}, "remove": []}``, or simply ``{"name": "value"}`` to set."""

    use_real_request_uri_unsafe: bool = False
    """APISIX's switch to send the path undecoded and unchecked; only false is accepted."""

    @field_validator("headers", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """The older form, a map of headers to set."""
        if isinstance(value, dict) and not (value.keys() <= {"add", "set", "remove"} and value):
            if not value:
                raise ValueError("headers must not be empty")
            return {"set": value}
        return value

    @field_validator("headers")
    @classmethod
    def _clean(cls, value: HeaderEdits | None) -> HeaderEdits | None:
        for name in (*value.add, *value.remove, *value.set) if value else ():
            if not _NAME.match(name):
                raise ValueError(f"{name!r} is not the name of a header")
            if name.lower() == "host":
                raise ValueError("the Host header is changed with host, not with headers")
        for text in (*value.add.values(), *value.set.values()) if value else ():
            if re.search(r"[\r\n\0]", str(text)):
                raise ValueError("a header's value must be one line")
        return value

    @field_validator("regex_uri")
    @classmethod
    def _pairs(cls, value: list[str] | None) -> list[str] | None:
        if value is not None:
            if len(value) % 2:
                raise ValueError(f"regex_uri is a list of pairs, came {len(value)} members")
            for pattern in value[::2]:
                compile_pattern(pattern)
        return value

    @field_validator("use_real_request_uri_unsafe")
    @classmethod
    def _no_raw_uri(cls, value: bool) -> bool:
        if value:
            raise ValueError("the undecoded path is not sent on by this gateway; remove use_real_request_uri_unsafe")
        return value


class ProxyRewrite(Plugin[ProxyRewriteConfig]):
    """Writes its edits into the exchange; the upstream part applies them."""

    name = "proxy-rewrite"
    stage = Stage.SHAPE
    priority = 1008
    Config = ProxyRewriteConfig

    def __init__(
        self, config: ProxyRewriteConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._uri = template(config.uri) if config.uri is not None else None
        pairs = config.regex_uri or []
        self._rules = [(compile_pattern(pattern), text) for pattern, text in zip(pairs[::2], pairs[1::2], strict=True)]
        headers = config.headers or HeaderEdits()
        self._add = _compile_values(headers.add)
        self._remove = [name.lower() for name in headers.remove]
        self._set = _compile_values(headers.set)

    @classmethod
    def check(cls, config: Any) -> list[str]:
        """Something must be changed."""
        return [] if config.model_fields_set else ["at least one of uri, regex_uri, method, host and headers is needed"]

    def request(self, ex: Exchange) -> None:
        """Note the edits."""
        captures: list[str] = []
        if self._uri is not None:
            self._send_to(ex, self._uri(ex))
        elif self._rules:
            captures = self._substitute(ex)
        if self.config.method is not None:
            ex.upstream_method = self.config.method
        if self.config.host is not None:
            ex.upstream_host = self.config.host
        self._edit_headers(ex, captures)

    def _substitute(self, ex: Exchange) -> list[str]:
        """Apply the first rule that matches; its captures serve the headers too."""
        for pattern, text in self._rules:
            try:
                found = pattern.search(ex.path)
            except UnicodeEncodeError:  # bytes that are no UTF-8, carried as surrogates
                return []
            if found is not None:
                captures = [found.group(0), *(group or "" for group in found.groups())]
                replaced = _fill(text, captures)
                self._send_to(ex, ex.path[: found.start()] + replaced + ex.path[found.end() :])
                return captures
        return []

    @staticmethod
    def _send_to(ex: Exchange, uri: str) -> None:
        """Set the path; a query of its own is followed by the client's (less what was hidden from it already)."""
        path, mark, query = uri.partition("?")
        given = ex.query if ex.upstream_path is None else ex.upstream_path.partition("?")[2]
        whole = "&".join(part for part in (query, given) if part)
        ex.upstream_path = quote(path, safe=_SAFE_IN_PATH, errors="surrogateescape") + (
            f"?{whole}" if whole else mark and "?"
        )

    def _edit_headers(self, ex: Exchange, captures: list[str]) -> None:
        edits = ex.upstream_headers
        for name, value in self._add:
            text = _line(_fill(value(ex), captures))
            edits.append((name, ", ".join([*_current(ex, name), text])))
        edits += [(name, None) for name in self._remove]
        for name, value in self._set:
            text = _line(_fill(value(ex), captures))
            edits.append((name, text or None))


def _compile_values(values: Values) -> list[tuple[str, Template]]:
    return [(name.lower(), template(str(value))) for name, value in values.items()]


def _fill(text: str, captures: list[str]) -> str:
    """``$1`` and ``${1}`` by what was captured; untouched when nothing was."""
    if not captures or "$" not in text:
        return text

    def capture(found: re.Match[str]) -> str:
        index = int(found[1] or found[2])
        return captures[index] if index < len(captures) else ""

    return _CAPTURE.sub(capture, text)


def _line(text: str) -> str:
    """Variables may hold anything; a header is one line."""
    return re.sub(r"[\r\n\0]", "", text)


def _current(ex: Exchange, name: str) -> list[str]:
    """The values a header would go out with now."""
    for edited, value in reversed(ex.upstream_headers):
        if edited == name:
            return [] if value is None else [value]
    given = ex.headers
    values: list[str] = given.getall(name, []) if hasattr(given, "getall") else [given[name]] if name in given else []
    return values
