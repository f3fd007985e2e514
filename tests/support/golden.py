"""Wire fixtures: each format's own requests, replies and streams, and what they become in every other format.

``GOLDEN_UPDATE=1 pytest tests/dataplane/protocols`` records the conversions anew: read the difference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent / "golden"
FORMATS = ("openai_chat", "anthropic_messages", "openai_responses", "gemini_generate")

SPOKEN = (*FORMATS, "bedrock_converse")
"""Those providers are asked in; the last is no client's."""


def cases(kind: str, suffix: str) -> list[tuple[str, str]]:
    """(format, fixture name) of every fixture of a kind."""
    return [(name, path.stem) for name in FORMATS for path in sorted((ROOT / name / kind).glob(f"*{suffix}"))]


def crossings(kind: str, suffix: str) -> list[tuple[str, str, str]]:
    """(format, fixture name, other format) of every fixture of a kind, for every other format."""
    others = SPOKEN if kind == "requests" else FORMATS
    return [(name, case, other) for name, case in cases(kind, suffix) for other in others if other != name]


def load(name: str, kind: str, case: str, suffix: str = ".json") -> bytes:
    """A fixture's bytes."""
    return (ROOT / name / kind / f"{case}{suffix}").read_bytes()


def check_recorded(name: str, kind: str, case: str, suffix: str, other: str, got: bytes) -> None:
    """Compare with what was recorded (JSON by value), or record it."""
    path = ROOT / name / f"{kind}_as_{other}" / f"{case}{suffix}"
    if suffix == ".json":
        got = (json.dumps(json.loads(got), indent=1, ensure_ascii=False) + "\n").encode()
    if os.environ.get("GOLDEN_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(got)
    expected = path.read_bytes()
    if suffix == ".json":
        assert json.loads(got) == json.loads(expected)
    else:
        assert got.decode() == expected.decode()


def as_json(value: Any) -> bytes:
    """Any value as JSON."""
    return json.dumps(value).encode()
