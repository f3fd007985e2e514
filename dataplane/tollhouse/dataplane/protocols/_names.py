"""Makes tool names and call ids legal for a provider, the same way every time, so that both ends of a call agree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

_LEGAL = re.compile(r"[a-zA-Z0-9_-]+")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_.$-]")
_SHOWN_LENGTH = 64
_SHOWN_NAMES = 40
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]")


def legal_name(name: str, limit: int, *, letter_first: bool = False) -> str:
    """``name`` when the provider takes it; else a readable prefix and a hash of the whole name. ``letter_first``: it
    must begin with a letter or an underscore."""
    begins = not letter_first or name[:1].isalpha() or name[:1] == "_"
    if begins and len(name) <= limit and _LEGAL.fullmatch(name):
        return name
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    prefix = ("" if begins else "_") + _ILLEGAL.sub("_", name)
    return f"{prefix[: limit - 9]}_{digest}"


class ToolNames:
    """The names and call ids one request's tools go out under. ``renamed`` holds name sent -> the client's own name.
    A request of the provider's own format (``own``) is left as it is."""

    def __init__(self, name_limit: int, id_limit: int, *, own: bool, letter_first: bool = False) -> None:
        self._name_limit = name_limit
        self._id_limit = id_limit
        self._own = own
        self._letter_first = letter_first
        self.renamed: dict[str, str] = {}
        self._called: set[str] = set()
        self._waiting: dict[str, list[str]] = {}
        self._times: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        """The name to send."""
        if self._own:
            return name
        sent = legal_name(name, self._name_limit, letter_first=self._letter_first)
        if sent != name:
            self.renamed[sent] = name
        return sent

    def call_id(self, id: str) -> str:
        """The call id to send; a call and its result get the same one."""
        return id if self._own else legal_name(id, self._id_limit)

    def called(self, id: str) -> str:
        """The id to send of a call where the provider refuses one twice in a conversation: some models give the same
        ids in every turn, or none."""
        sent = self.call_id(id)
        while not self._own and sent in self._called:
            times = self._times[id] = self._times.get(id, 1) + 1
            sent = self.call_id(f"{id}_{times}")
        self._called.add(sent)
        self._waiting.setdefault(id, []).append(sent)
        return sent

    def answered(self, id: str) -> str:
        """The id to send of a result there: that of the first call of this id without one."""
        waiting = self._waiting.get(id)
        return waiting.pop(0) if waiting else self.call_id(id)


_COUNTED = "counted_"


def counted(choice: int, number: int) -> str:
    """In place of the id of a call the provider gave none: its place in the answer."""
    return f"{_COUNTED}{choice}_{number}"


def told_id(id: str, request_id: str) -> str:
    """The id the client is told. A counted one gets the request's into it: the ids of a whole conversation have to
    differ."""
    return f"call_{request_id}_{id.removeprefix(_COUNTED)}" if id.startswith(_COUNTED) else id


def unique(names: Iterable[str]) -> list[str]:
    """The names without repetition, in order of first appearance."""
    return list(dict.fromkeys(names))


def safe_names(names: Iterable[str]) -> list[str]:
    """Names fit for a header: clients make up some of them, so what is not plain is replaced and what is long cut."""
    return unique(_UNSAFE.sub("_", name[:_SHOWN_LENGTH]) for name in names)[:_SHOWN_NAMES]


def short_identity(user: str, limit: int) -> str:
    """A caller's own identifier for its user, hashed when the provider would refuse its length."""
    return user if len(user) <= limit else sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:limit]
