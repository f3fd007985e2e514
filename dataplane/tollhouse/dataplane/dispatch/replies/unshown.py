"""Parts of an answer that the client's format has no place for: a picture, a program the provider ran, a citation. They
are named; an answer that is nothing else fails, because an agent would take the empty rest for an answer."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.chat import ChatReply, Opaque, Text, Thinking
from tollhouse.dataplane.engine.sse import write_comment
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocols._failures import invalid_reply
from tollhouse.dataplane.protocols._names import safe_names

HEADER = "x-tollhouse-dropped"
_UNCOMMENTED = frozenset({"gemini_generate"})
_SIGNS = ("thought", "thoughtSignature")
_SOURCES = ("citations", "annotations")
_ABOUT = ("candidate",)
"""Opaque parts that tell of the answer (safety ratings, say) and are none of it."""


def name_of(part: object, client: str) -> str:
    """What is lost of a part towards a client of this format; empty when nothing is."""
    if not isinstance(part, Opaque) or part.protocol == client:
        return ""
    value = part.value.get("part", part.value)
    if not isinstance(value, dict):
        return ""
    kind = value.get("type")
    if isinstance(kind, str) and kind:
        return f"answer.{kind}"
    return next((f"answer.{name}" for name in value if name not in _SIGNS and name not in _ABOUT), "")


def nothing_else(names: Sequence[str]) -> UpstreamError:
    """The failure of an answer that is only what the client's format cannot carry."""
    kinds = ", ".join(dict.fromkeys(name.removeprefix("answer.")[:64] for name in names))
    return invalid_reply(f"it is only {kinds}, which the client's format cannot carry; ask in the provider's own")


def late_word(names: Sequence[str], client: str) -> bytes:
    """A comment behind the end of a stream on what was lost when its headers had gone; nothing where clients fail at
    comments."""
    return write_comment(f"{HEADER} {','.join(safe_names(names))}") if names and client not in _UNCOMMENTED else b""


def unshown(reply: ChatReply, client: str) -> list[str]:
    """The names of what is lost of a reply. Raises UpstreamError when nothing else is in it."""
    parts = [part for choice in reply.choices for part in choice.parts]
    names = [name for name in (name_of(part, client) for part in parts) if name]
    if names and not any(not isinstance(part, Thinking | Opaque) for part in parts):
        raise nothing_else(names)
    names += [name for part in parts for name in _sources(part, client)]
    return list(dict.fromkeys(names))


def _sources(part: object, client: str) -> list[str]:
    """What an answer's text is said to be from."""
    if not isinstance(part, Text) or not part.extra:
        return []
    told = [fields for format_name, fields in part.extra.items() if format_name != client and isinstance(fields, dict)]
    return [f"answer.{name}" for fields in told for name in _SOURCES if fields.get(name)]
