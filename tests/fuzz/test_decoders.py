"""Foul bytes get nothing out of a decoder but its own errors: the wire, the guard, documents, the audit trail.

``make fuzz`` runs these with many more inputs; vendors' formats are in tests/dataplane/protocols/test_fuzz.py.
"""

from __future__ import annotations

import contextlib
import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tollhouse.controlplane.audit.lines import row_of
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.eventstream import BrokenStream, MessageReader
from tollhouse.dataplane.engine.sse import EventReader, EventTooLarge
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Inspector
from tollhouse.dataplane.guarding.packs import BUILT_IN, built_in
from tollhouse.dataplane.guarding.scoring import THRESHOLDS
from tollhouse.dataplane.guarding.segments import Item, Segment, items_of, segments_of
from tollhouse.dataplane.guarding.vault import Vault
from tollhouse.dataplane.guarding.views import decode_block, views_of
from tollhouse.dataplane.runtime.frames import Damaged, read_frames
from tollhouse.dataplane.runtime.server.target import Refused, split_target
from tollhouse.proto.audit_chain import verify
from tollhouse.proto.documents import parse_documents

FUZZ = settings(
    max_examples=int(os.environ.get("TOLLHOUSE_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
INSPECTOR = Inspector(Matcher([rule for name in BUILT_IN for rule in built_in(name).rules], "input"), THRESHOLDS)

BYTES = st.binary(max_size=400)
FRAGMENTS = st.sampled_from(
    ["data: ", "\n\n", "\r", "event: x\n", "{", "[", '"', "\\u0000", "%00", "&#x41;", "\u200b", "\U000e0041", "eyJ", "://",
     "ignore ", "sk-", "4539", "-----BEGIN ", "@", "[[EMAIL_", "\ud7ff", "QUFB" * 9, "a.b.c.d.e.f.g.h"]
)  # fmt: skip
TEXT = st.lists(st.text(max_size=12) | FRAGMENTS, max_size=30).map("".join)
MIXED = BYTES | TEXT.map(lambda text: text.encode("utf-8", "replace"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@FUZZ
@given(st.lists(MIXED, max_size=6))
def test_event_streams(pieces: list[bytes]) -> None:
    """Server-sent events and AWS framing, in any pieces."""
    reader, messages = EventReader(4096), MessageReader()
    with contextlib.suppress(EventTooLarge):
        for piece in pieces:
            reader.feed(piece)
        reader.close()
    with contextlib.suppress(BrokenStream):
        for piece in pieces:
            messages.feed(piece)
        messages.close()


@FUZZ
@given(MIXED)
def test_requests_and_targets(raw: bytes) -> None:
    """A body is a document or an error of ours; a target a clean path or a refusal."""
    with contextlib.suppress(GatewayError):
        document = RequestDocument(raw)
        with contextlib.suppress(ValueError):
            items_of(document)
    with contextlib.suppress(Refused):
        path, _ = split_target("/" + raw.decode("latin-1"))
        assert path.startswith("/")
        assert "/../" not in path


@FUZZ
@given(JSON)
def test_what_is_said_in_any_json(value: object) -> None:
    """Segments, or the one error that means it cannot be read."""
    item = Item("messages", 0, json.dumps({"role": "user", "content": value}).encode("utf-8", "replace"))
    with contextlib.suppress(ValueError, RecursionError):
        for segment in segments_of(item):
            INSPECTOR.judge(segment)


@FUZZ
@given(TEXT)
def test_views_point_into_the_raw_text(text: str) -> None:
    """Whatever a view shows stands somewhere in the raw text; findings too."""
    for view in views_of(text):
        size = len(view.text)
        for start, end in ((0, size), (size // 2, size), (size // 3, size // 2)):
            first, last = view.span(start, end)
            assert 0 <= first <= last <= len(text)
    for finding in INSPECTOR.judge(Segment(text, (), "tool", "untrusted")):
        assert 0 <= finding.start <= finding.end <= len(text)
    decode_block(text[:400])


@FUZZ
@given(TEXT, st.lists(TEXT.filter(bool), max_size=4))
def test_what_was_masked_comes_back(text: str, values: list[str]) -> None:
    """Every value, wherever its placeholder stands."""
    vault = Vault("7f3a")
    shown = [vault.hide("EMAIL", value) for value in values]
    for placeholder, value in zip(shown, values, strict=True):
        assert vault.restore(placeholder) == value
    vault.restore(text)


@FUZZ
@given(st.lists(MIXED, max_size=5))
def test_audit_lines_and_frames(lines: list[bytes]) -> None:
    """Junk is a problem that is told, never an accident."""
    verify(lines, b"key")
    for line in lines:
        with contextlib.suppress(ValueError):
            row_of("n/worker-0", line)
        with contextlib.suppress(Damaged):
            list(read_frames(line))


@FUZZ
@given(TEXT)
def test_documents(text: str) -> None:
    """YAML and JSON of operators: objects and problems."""
    parse_documents(text, "fuzz.yaml", {})
