"""Counting Google's way, by estimate."""

from __future__ import annotations

import json

from tests.support.protocols import document, protocol

COUNT = protocol("gemini_count_tokens")


def test_both_shapes_of_the_question_give_the_same_number() -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "How many? " * 50}]}]}
    counts = []
    for body in (asked, {"generateContentRequest": {"model": "models/m", **asked}}):
        request = document(body)
        COUNT.enter("/v1beta/models/m:countTokens", "", request)
        assert COUNT.peek(request).model == "m"
        counts.append(json.loads(COUNT.own_answer(request) or b""))
    assert counts[0] == counts[1]
    assert counts[0]["totalTokens"] > 80
