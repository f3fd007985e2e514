"""List filters and paging of the Admin API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import re2
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.proto.resources import Kind


class Listed(Protocol):
    """What can be listed."""

    @property
    def value(self) -> dict[str, Any]: ...

    @property
    def create_revision(self) -> int: ...


T = TypeVar("T", bound=Listed)

_QUIET = re2.Options()
_QUIET.log_errors = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for; the default is everything."""

    page: int = 0
    """Counted from 1; 0 together with ``page_size`` 0 means no paging."""
    page_size: int = 0
    name: str = ""
    uri: str = ""
    label: str = ""
    filter: Mapping[str, str] = field(default_factory=dict)


def read_query(args: Mapping[str, str]) -> Query:
    """The query string of a REST list request. Raises Refusal (400) for what is no number or out of range."""
    page = page_size = 0
    if "page" in args and "page_size" in args:
        page, page_size = _number(args, "page"), _number(args, "page_size")
        check_paging(page_size)
        page = max(page, 1)
    wanted = dict(parse_qsl(args.get("filter", ""), keep_blank_values=True))
    return Query(page, page_size, args.get("name", ""), args.get("uri", ""), args.get("label", ""), wanted)


def check_paging(page_size: int) -> None:
    """Raises Refusal (400) for a page size APISIX does not take."""
    if not 10 <= page_size <= 500:
        raise invalid("page_size must be between 10 and 500")


def select(kind: Kind, objects: list[T], query: Query) -> tuple[list[T], int]:
    """The objects of the page asked for, and how many there are on all pages."""
    name, uri = _pattern("name", query.name), _pattern("uri", query.uri)
    wanted = {key: value for key, value in query.filter.items() if key in kind.filters}
    kept = [item for item in objects if _matches(item.value, name, uri, query.label, wanted)]
    total = len(kept)
    if query.page_size:
        kept.sort(key=lambda item: item.create_revision)
        first = (query.page - 1) * query.page_size
        kept = kept[first : first + query.page_size]
    return kept, total


def _matches(
    value: dict[str, Any],
    name: Any,
    uri: Any,
    label: str,
    wanted: Mapping[str, str],
) -> bool:
    if name is not None and not (isinstance(value.get("name"), str) and name.search(value["name"])):
        return False
    if uri is not None:
        uris = [value["uri"]] if isinstance(value.get("uri"), str) else value.get("uris") or []
        if not any(uri.search(one) for one in uris):
            return False
    if label and label not in (value.get("labels") or {}):
        return False
    return all(key in value and str(value[key]) == text for key, text in wanted.items())


def _pattern(field_name: str, text: str) -> Any:
    if not text:
        return None
    try:
        return re2.compile(text, _QUIET)  # linear time: a viewer's pattern must not stall the control plane
    except re2.error as error:
        raise invalid(f"invalid argument {field_name}: {text!r} is not a regular expression: {_text(error)}") from error


def _number(args: Mapping[str, str], key: str) -> int:
    try:
        return int(args[key])
    except ValueError as error:
        raise invalid(f"invalid argument {key}: should be a number") from error


def _text(error: Exception) -> str:
    cause = error.args[0] if error.args else ""
    return cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
