"""Counting tokens, and the prompt cache: both made up, both deterministic."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict

BYTES_PER_TOKEN = 4
_PIECE = re.compile(r"\s*\S+|\s+$")


def count(text: str) -> int:
    """About what a real tokenizer counts for English: four bytes a token."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def pieces(text: str) -> list[str]:
    """The text cut the way a model streams it: a word at a time, white space in front."""
    return _PIECE.findall(text)


class PromptCache:
    """Remembers prompt prefixes by hash, so that a repeated prefix is reported as cached. One per simulator."""

    def __init__(self, min_tokens: int = 1024, capacity: int = 65536) -> None:
        self._min_tokens = min_tokens
        self._step = max(1, min(128, min_tokens)) * BYTES_PER_TOKEN
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._capacity = capacity

    def automatic(self, owner: str, prompt: str) -> int:
        """Cached tokens of a prompt as OpenAI reports them: whole steps of 128 from a minimum of 1024 on."""
        data = prompt.encode()
        digest = hashlib.blake2b(owner.encode(), digest_size=16)
        cached = 0
        hit = True
        for start in range(0, len(data) - self._step + 1, self._step):
            digest.update(data[start : start + self._step])
            hit = self._seen(digest.digest()) and hit
            if hit:
                cached = (start + self._step) // BYTES_PER_TOKEN
        return cached if cached >= self._min_tokens else 0

    def marked(self, owner: str, prompt: str, breakpoints: list[int]) -> tuple[int, int]:
        """(read, written) tokens of a prompt with marked places, as Anthropic reports them."""
        read = last = 0
        for position in sorted(breakpoints):
            prefix = prompt[:position]
            size = count(prefix)
            if size < self._min_tokens:
                continue
            last = size
            if self._seen(hashlib.blake2b((owner + "\0" + prefix).encode(), digest_size=16).digest()):
                read = size
        return read, max(0, last - read)

    def _seen(self, key: bytes) -> bool:
        if key in self._known:
            self._known.move_to_end(key)
            return True
        self._known[key] = None
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return False
