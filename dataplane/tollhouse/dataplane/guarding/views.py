"""A text without its disguises: the same text as the model may read it, and where each piece stood in the raw one."""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import re2
from tollhouse.dataplane.guarding.patterns import options

Origin = Callable[[int, int], tuple[int, int]]
"""Where a span of a view stood in the raw text."""

_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e0fff]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_ODD = re2.compile(
    "[\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2100-\u214f\u2460-\u24ff\u3000\ufb00-\ufb06\uff01-\uff5e\ufeff\u00ad\u034f\u061c"
    "\u3164\U0001d400-\U0001d7ff\U0001f130-\U0001f189\U000e0000-\U000e0fff]"
    "|[A-Za-z][\u0370-\u03ff\u0400-\u04ff\u0250-\u02af\u13a0-\u13ff]|[\u0370-\u03ff\u0400-\u04ff\u13a0-\u13ff][A-Za-z]"
    "|[A-Za-z][\u0300-\u036f]"
)
_LOOK_ALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТХҮаеѕіјкмопрсухѵԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχγɡɩαІ",
        "ABESIJKMHOPCTXYaesijkmonpcyxvdhqwABEZHIKMNOPTYXaiknoptuxygiaI",
        strict=False,
    )
)
_ESCAPES = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{2}|/)|&(?:#\d{2,7}|#[xX][0-9a-fA-F]{1,6}|lt|gt|amp|quot|apos|nbsp|#39);|(?:%[0-9A-Fa-f]{2})+"
)
_BLOCK = re2.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}", options(case=True))
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W_][ .*_\-·•|,/]{1,3}){6,}[^\W_](?![^\W_])")

_FIGURES = str.maketrans("013457@$!", "oieastasi")
"""Figures that stand for letters."""

_SHORTS = {"\\n": " \n", "\\t": " \t", "\\r": " \r", '\\"': ' "', "\\'": " '"}
_SHORT = re.compile(r"""\\[ntr"']""")

_ENCODED, _SINGLE, _FIGURED, _ESCAPED = range(4)
_SHOWN_BY = (
    "[A-Za-z0-9+/_-]{24}",
    "(?:^|[^A-Za-z0-9])(?:[A-Za-z][ .*_|,/-]{1,3}){6}[A-Za-z](?:[^A-Za-z0-9]|$)",
    "[A-Za-z]*[013457@$][A-Za-z][A-Za-z0-9@$!]*[ ,.;:!?\n]{1,3}"
    "(?:[A-Za-z]+[ ,.;:!?\n]{1,3})?[A-Za-z]*[013457@$][A-Za-z]",
    r"\\[ux/]|&[#lgaqn]\w{0,8};|%[0-9A-Fa-f]{2}",
)
"""What a text shows that may hold an encoded block, letters standing alone, figures in place of letters, or escapes."""


def _signs() -> Any:
    made = re2.Set.SearchSet(options(case=True))
    for pattern in _SHOWN_BY:
        made.Add(pattern)
    made.Compile()
    return made


_SIGNS = _signs()

MAX_BLOCKS = 24
MAX_BLOCK = 16_384
"""Encoded blocks of a text that are looked into, and how many characters of each."""


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text."""

    name: str
    text: str
    origin: Origin | None = None
    """None: it has the raw text's own positions."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where these characters stand in the raw text."""
        return (start, end) if self.origin is None else self.origin(start, end)


def views_of(text: str, *, leet: bool = True, depth: int = 2) -> Iterator[View]:
    """The readings of a text, the plainest first; ``leet``: figures in place of letters are of interest."""
    yield View("plain", _plain(text) if "\\" in text else text)
    data = text.encode("utf-8", "replace")
    signs = _SIGNS.Match(data) or ()
    if not text.isascii() and _ODD.search(data):
        yield _cleaned(text)
        hidden = _TAGS.findall(text)
        if hidden:
            told = "".join(chr(ord(sign) - 0xE0000) for run in hidden for sign in run)
            yield View("hidden", told, lambda start, end: (0, len(text)))
    if _ESCAPED in signs:
        unescaped = _unescaped(text)
        if unescaped.text != text:
            yield unescaped
    if _ENCODED in signs and depth > 0:
        yield from _decoded(text, depth)
    if _SINGLE in signs and _SPACED.search(text):
        yield _joined(text)
    if leet and _FIGURED in signs:
        yield View("leet", text.translate(_FIGURES))


def count_hidden(text: str) -> tuple[int, int]:
    """How many invisible signs a text holds, and how many of them spell out text (tag characters)."""
    if text.isascii():
        return 0, 0
    return len(_HIDDEN.findall(text)), sum(map(len, _TAGS.findall(text)))


def _plain(text: str) -> str:
    """Escapes of one sign read, each as wide as what replaces it."""
    if text.count("\\") * 100 < len(text):
        return _SHORT.sub(lambda found: _SHORTS[found[0]], text)
    for escape, sign in _SHORTS.items():  # a call for each would take longer
        text = text.replace(escape, sign)
    return text


# --- readings --------------------------------------------------------------------------------------------------------


class _Folded(dict[int, str]):
    """What each sign looks like, worked out when first met."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        if _HIDDEN.match(sign) or 0x0300 <= code <= 0x036F:
            shown = ""
        elif sign in _LOOK_ALIKES:
            shown = _LOOK_ALIKES[sign]
        else:
            shown = unicodedata.normalize("NFKC", sign)
            shown = "".join(_LOOK_ALIKES.get(one, one) for one in shown)
        if len(self) < 20_000:
            self[code] = shown
        return shown


_FOLDED = _Folded()


def _cleaned(text: str) -> View:
    cleaned = text.translate(_FOLDED)
    return View("cleaned", cleaned, _by_lengths(text, lambda: [len(_FOLDED[ord(sign)]) for sign in text]))


def _by_lengths(text: str, lengths: Callable[[], list[int]]) -> Origin:
    """Positions by the length each raw sign has in the view; added up only when there is a hit."""
    starts: list[int] = []

    def origin(start: int, end: int) -> tuple[int, int]:
        if not starts:
            at = 0
            for length in lengths():
                starts.append(at)
                at += length
            starts.append(at)
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, max(start, end - 1)) - 1
        return min(first, len(text)), min(last + 1, len(text))

    return origin


def _pieced(name: str, text: str, edits: list[tuple[int, int, str]]) -> View:
    """The text with pieces replaced."""
    made: list[str] = []
    marks = [(0, 0)]  # (position in the view, position in the text) where a piece begins
    at = size = 0
    for start, end, shown in edits:
        made.append(text[at:start])
        size += start - at
        marks.append((size, start))
        made.append(shown)
        size += len(shown)
        marks.append((size, end))
        at = end
    made.append(text[at:])
    keys = [mark[0] for mark in marks]

    def origin(start: int, end: int) -> tuple[int, int]:
        def raw(position: int) -> int:
            place = bisect_right(keys, position) - 1
            moved = marks[place][1] + position - marks[place][0]
            return min(moved, marks[place + 1][1]) if place + 1 < len(marks) else moved

        return raw(start), max(raw(start), raw(end))

    return View(name, "".join(made), origin)


def _unescaped(text: str) -> View:
    edits = []
    for found in _ESCAPES.finditer(text):
        shown = _escape(found[0])
        if shown is not None:
            edits.append((found.start(), found.end(), shown))
    return _pieced("unescaped", text, edits)


def _escape(written: str) -> str | None:
    if written[0] == "&":
        return html.unescape(written)
    if written[0] == "%":
        shown = unquote(written, errors="replace")
        return shown if shown.isprintable() or shown.isspace() else None
    if written == "\\/":
        return "/"
    try:
        sign = chr(int(written[2:].strip("{}"), 16))
    except (ValueError, OverflowError):
        return None
    return "?" if 0xD800 <= ord(sign) < 0xE000 else sign


def _joined(text: str) -> View:
    edits = []
    for run in _SPACED.finditer(text):
        at = run.start()
        for gap in re.finditer(r"[ .*_\-·•|,/]+", run[0]):
            wide = len(gap[0]) > 1 and gap[0].isspace()
            edits.append((at + gap.start(), at + gap.end(), " " if wide else ""))
    return _pieced("joined", text, edits)


def _decoded(text: str, depth: int) -> Iterator[View]:
    count = 0
    data = text.encode("utf-8", "replace")
    wide = len(data) != len(text)
    for found in _BLOCK.finditer(data):
        block = found[0].decode()
        if (block.islower() and not block.isalnum()) or (block.isalpha() and (block.islower() or block.isupper())):
            continue  # a name or a path
        if block.count("-") * 10 > len(block):
            continue  # an id in groups
        told = decode_block(block[:MAX_BLOCK])
        if told is None:
            continue
        count += 1
        if count > MAX_BLOCKS:
            return
        start = len(data[: found.start()].decode("utf-8", "replace")) if wide else found.start()
        whole = (start, start + len(block))
        for inner in views_of(told, depth=depth - 1):
            yield View("decoded", inner.text, lambda start, end, whole=whole: whole)  # type: ignore[misc]


def decode_block(block: str) -> str | None:
    """The text in a base64 or hex block; None when it holds none."""
    if _HEX.fullmatch(block):
        return _text(bytes.fromhex(block[: len(block) & ~1]))
    plain = block.rstrip("=").replace("-", "+").replace("_", "/")
    if "/" in plain[1:8] and plain.count("/") > len(plain) // 8:
        return None  # a path
    head = _base64(plain[:32])
    if head is None or _text(head[:21]) is None:
        return None
    raw = _base64(plain[: len(plain) & ~3 | (len(plain) & 3 if len(plain) & 3 != 1 else 0)])
    return None if raw is None else _text(raw)


_HEX = re.compile(r"[0-9a-fA-F]+")


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(raw: bytes) -> str | None:
    told = raw.decode("utf-8", "ignore")
    if len(told.encode()) < len(raw) - 3 or not told:
        return None
    good = sum(sign.isprintable() or sign in "\n\t\r" for sign in told)
    return told if good >= 0.95 * len(told) else None
