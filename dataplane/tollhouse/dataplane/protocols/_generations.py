"""What a model's name tells of the requests it takes: newer generations refuse what older ones were asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_BETWEEN = re.compile(r"[^a-z0-9]+")
_REASONER = re.compile(r"(?:^|/)(?:o\d|gpt-(?:[5-9]|\d\d))(?![a-z])")

ADAPTIVE = (4, 7)
"""Claude since then thinks as much as it likes, at most by an effort, and takes no sampling parameters."""

UNLED = (4, 6)
"""Claude since then refuses a conversation that ends with the beginning of its answer."""

_UNREASONED = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "stop")

Generation = tuple[int, int]


@lru_cache(maxsize=1024)
def claude(model: str) -> Generation:
    """The generation of a Claude, whoever serves it under whatever spelling; (0, 0) where the name does not tell."""
    words = _BETWEEN.split(model.lower())
    if "claude" not in words:
        return 0, 0
    words = words[words.index("claude") + 1 :]
    for place, word in enumerate(words):
        if word.isdigit() and len(word) <= 2:
            minor = words[place + 1] if place + 1 < len(words) else ""
            return int(word), int(minor) if minor.isdigit() and len(minor) <= 2 else 0
    return 0, 0


@lru_cache(maxsize=1024)
def is_reasoner(model: str) -> bool:
    """Whether it is one of OpenAI's reasoning models, which take no sampling parameters, stop sequences or log
    probabilities, or only while they do not reason."""
    return _REASONER.search(model.lower()) is not None and "-chat" not in model.lower()


def takes_verbosity(model: str) -> bool:
    """Whether it is one of the models of OpenAI's that can be told how much to say."""
    return is_reasoner(model) and "gpt-" in model.lower()


def refused_by_reasoners(body: dict[str, Any]) -> list[str]:
    """Take out what they refuse; the names of what was lost. A value that is the default is none."""
    lost = []
    for name in _UNREASONED:
        value = body.pop(name, None)
        if value not in (None, False) and value != (1 if name in ("temperature", "top_p") else 0):
            lost.append(name)
    if "message.output_text.logprobs" in body.get("include", ()):
        body["include"] = [one for one in body["include"] if one != "message.output_text.logprobs"]
    return lost
