"""Parts of an answer that the client's format has no place for: a picture, a program the provider ran. They are named;
an answer that is nothing else fails, because an agent would take the empty rest for an answer."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.chat import ChatReply, Opaque, Thinking
from tollhouse.dataplane.errors import UpstreamError
from tollhouse.dataplane.protocols._failures import invalid_reply

_SIGNS = ("thought", "thoughtSignature")


def name_of(part: object, client: str) -> str:
    """What is lost of a part towards a client of this format; empty when nothing is."""
    if not isinstance(part, Opaque) or part.protocol == client or not isinstance(part.value.get("part"), dict):
        return ""
    return next((f"answer.{name}" for name in part.value["part"] if name not in _SIGNS), "")


def nothing_else(names: Sequence[str]) -> UpstreamError:
    """The failure of an answer that is only what the client's format cannot carry."""
    kinds = ", ".join(dict.fromkeys(name.removeprefix("answer.")[:64] for name in names))
    return invalid_reply(f"it is only {kinds}, which the client's format cannot carry; ask in the provider's own")


def unshown(reply: ChatReply, client: str) -> list[str]:
    """The names of what is lost of a reply. Raises UpstreamError when nothing else is in it."""
    parts = [part for choice in reply.choices for part in choice.parts]
    names = [name for name in (name_of(part, client) for part in parts) if name]
    if names and not any(not isinstance(part, Thinking | Opaque) for part in parts):
        raise nothing_else(names)
    return list(dict.fromkeys(names))
