"""Whether a text is a ``.proto`` file, or the base64 of a descriptor set: its statements, not what they refer to."""

from __future__ import annotations

import base64
import binascii
import re

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      |(?P<word>[A-Za-z0-9_.+-]+)
      |(?P<mark>[{}()\[\]<>;=,:/])""",
    re.VERBOSE | re.DOTALL,
)
_STATEMENTS = {"syntax", "edition", "package", "import", "option", "message", "enum", "service", "extend"}
_BLOCKS = {"message", "enum", "service", "extend"}
_CLOSES = {"{": "}", "(": ")", "[": "]"}


def check_proto(content: str) -> str:
    """The content itself. Raises ValueError with a line number for what is no protobuf definition."""
    if not _is_descriptor_set(content):
        _check_source(content)
    return content


def _is_descriptor_set(content: str) -> bool:
    try:
        files = FileDescriptorSet.FromString(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError, DecodeError):
        return False
    return bool(files.file)


def _check_source(content: str) -> None:
    """Statements at the top level, each begun by a word that may begin one and ended; brackets in pairs."""
    open_marks: list[tuple[str, int]] = []
    begun = ""
    said = 0
    for token, line in _tokens(content):
        if not open_marks and not begun:
            if token == ";":
                continue
            if token not in _STATEMENTS:
                raise ValueError(f"line {line}: a definition cannot begin with {token!r}")
            begun = token
        said += 1
        if token in _CLOSES:
            open_marks.append((token, line))
        elif token in _CLOSES.values() and (not open_marks or _CLOSES[open_marks.pop()[0]] != token):
            raise ValueError(f"line {line}: {token!r} closes nothing")
        ends = "}" if begun in _BLOCKS else ";"
        if not open_marks and token == ends:
            begun = ""
        elif begun in ("syntax", "edition") and said == 2 and token != "=":
            raise ValueError(f"line {line}: expected '=' after {begun!r}, came {token!r}")
        said = said if begun else 0
    if open_marks:
        raise ValueError(f"line {open_marks[-1][1]}: {open_marks[-1][0]!r} is not closed")
    if begun:
        raise ValueError(f"the last definition, {begun!r}, is not complete")


def _tokens(content: str) -> list[tuple[str, int]]:
    found, position, line = [], 0, 1
    while position < len(content):
        match = _TOKEN.match(content, position)
        if match is None:
            raise ValueError(f"line {line}: {content[position]!r} cannot stand in a .proto file")
        if match.lastgroup != "space":
            found.append((match[0], line))
        line += match[0].count("\n")
        position = match.end()
    if not found:
        raise ValueError("there is no definition in it")
    return found
