"""Names made legal, the same way each time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.protocols._names import ToolNames, legal_name, safe_names, short_identity

from tests.support.protocols import ANTHROPIC, OPENAI, crossed, decoded, protocol


@given(st.text(min_size=1, max_size=200), st.sampled_from([64, 128]))
def test_any_name_becomes_legal_and_legal_ones_stay(name: str, limit: int) -> None:
    sent = legal_name(name, limit)
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", sent)
    assert len(sent) <= limit
    assert legal_name(sent, limit) == sent
    assert legal_name(name, limit) == sent


def test_a_name_begins_with_a_letter_where_it_must() -> None:
    names = ToolNames(64, 64, own=False, letter_first=True)
    sent = names("1st-tool")
    assert sent.startswith("_1st-tool_")
    assert names.renamed == {sent: "1st-tool"}
    assert names("_ok") == "_ok"


@pytest.mark.parametrize("target", [ANTHROPIC, "openai_responses", "gemini_generate", "bedrock_converse"])
def test_names_of_speakers_have_no_place_elsewhere_and_that_is_said(target: str) -> None:
    chat = decoded(OPENAI, messages=[{"role": "user", "name": "bob", "content": "x"}])
    assert protocol(target).encode_request(chat, max_output_tokens=None).dropped == ["messages.name"]


def test_names_that_differ_only_in_what_is_replaced_stay_different() -> None:
    names = ToolNames(64, 64, own=False)
    assert names("a.b") != names("a/b")
    assert set(names.renamed.values()) == {"a.b", "a/b"}
    assert names("fine") == "fine"
    assert ToolNames(64, 64, own=True)("a.b") == "a.b"


def test_fields_clients_make_up_cannot_break_a_header() -> None:
    encoded = crossed(OPENAI, **{"x\r\nset-cookie: a=b": 1, "y" * 500: 2, "ü": 3})
    assert encoded.dropped == ["x__set-cookie__a_b", "y" * 64, "_"]
    assert len(safe_names(str(i) for i in range(1000))) == 40


def test_long_identities_are_hashed() -> None:
    assert short_identity("ann", 64) == "ann"
    assert len(short_identity("a" * 65, 64)) == 64
