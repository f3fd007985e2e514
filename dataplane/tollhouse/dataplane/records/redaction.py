"""Which headers and arguments hold secrets, and how they look in logs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_plus

if TYPE_CHECKING:
    from tollhouse.dataplane.pipeline import Pipeline

MASK = "********"

_SECRET_NAMES = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "key", "auth", "code", "sig", "signature", "jwt"}
)
_SECRET_PARTS = ("apikey", "api-key", "token", "secret", "password", "passwd", "credential", "access-key", "session")
_HARMLESS = frozenset({"max-tokens", "x-stainless-timeout"})


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a header, cookie or argument of this name has to be taken for a secret."""
    plain = name.lower().replace("_", "-")
    if plain in _HARMLESS or "tokens" in plain:  # token counts, not tokens
        return False
    return plain in _SECRET_NAMES or any(part in plain for part in _SECRET_PARTS)


def configured_names(pipeline: Pipeline | None) -> frozenset[str]:
    """The headers and arguments in which this pipeline's own authentication plugins look for keys (lower case)."""
    if pipeline is None:
        return frozenset()
    names: set[str] = set()
    for bound in pipeline.plugins:
        if bound.plugin.ConsumerConfig is not None:
            for field in ("header", "query", "cookie"):
                name = getattr(bound.plugin.config, field, None)
                if isinstance(name, str):
                    names.add(name.lower())
    return frozenset(names)


def safe_headers(headers: Iterable[tuple[str, str]], known: frozenset[str] = frozenset()) -> dict[str, str | list[str]]:
    """Headers for a log: lower-case names, repeated ones as a list, secrets masked."""
    shown: dict[str, str | list[str]] = {}
    for name, value in headers:
        lowered = name.lower()
        text = MASK if lowered in known or is_secret_name(lowered) else value
        before = shown.get(lowered)
        if before is None:
            shown[lowered] = text
        elif isinstance(before, list):
            before.append(text)
        else:
            shown[lowered] = [before, text]
    return shown


def safe_arguments(query: str, known: frozenset[str] = frozenset()) -> dict[str, str]:
    """Decoded query arguments for a log, secrets masked; the first of repeated ones counts."""
    shown: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        shown.setdefault(name, MASK if name.lower() in known or is_secret_name(name) else value)
    return shown


def safe_query(query: str, known: frozenset[str] = frozenset()) -> str:
    """A raw query string with the values of secret arguments masked; the rest byte for byte."""
    if "=" not in query:
        return query
    parts = []
    for part in query.split("&"):
        name, equals, _ = part.partition("=")
        plain = unquote_plus(name)
        parts.append(f"{name}={MASK}" if equals and (plain.lower() in known or is_secret_name(plain)) else part)
    return "&".join(parts)


def safe_uri(path: str, query: str, known: frozenset[str] = frozenset()) -> str:
    """Path and query as on the request line, secrets masked."""
    encoded = _encoded(path)
    return f"{encoded}?{safe_query(query, known)}" if query else encoded


@lru_cache(maxsize=1024)
def _encoded(path: str) -> str:
    """Most requests are for a few paths."""
    return quote(path, safe="/:@!$&'()*+,;=-._~", errors="surrogateescape")
