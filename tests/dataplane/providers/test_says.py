"""What vendors' documented errors mean, vendor by vendor: ``tests/golden/errors``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.engine.failure_kinds import KINDS
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.providers._says import COMMON, Says, meaning
from tollhouse.dataplane.registry import provider_types

GOLDEN = Path(__file__).parents[2] / "golden" / "errors"


def documented(*vendors: str) -> Iterator[Any]:
    for path in sorted(GOLDEN.glob("*.json")):
        if vendors and path.stem not in vendors:
            continue
        for case in json.loads(path.read_text()):
            yield pytest.param(path.stem, case, id=f"{path.stem}: {case['says']}")


def read(vendor: str, case: dict[str, Any]) -> UpstreamFailure:
    body = case["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return provider_types()[vendor].read_failure(case["status"], case.get("headers", {}), raw)


@pytest.mark.parametrize(("vendor", "case"), list(documented()))
def test_documented_errors_by_meaning(vendor: str, case: dict[str, Any]) -> None:
    failure = read(vendor, case)
    assert failure.kind == case["kind"]
    assert failure.failure_class == case.get("class", KINDS[case["kind"]].failure_class)
    assert failure.fault == KINDS[case["kind"]].fault
    assert failure.retry_after_s == case.get("retry_after_s")


@pytest.mark.parametrize(("vendor", "case"), list(documented("anthropic", "gemini", "openrouter", "bedrock")))
def test_the_same_inside_a_stream_means_the_same(vendor: str, case: dict[str, Any]) -> None:
    """Where their documents tell what the status would have told: by a number, or by a type of its own."""
    body = case["body"]
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        type_ = str(error.get("status") or error.get("type") or error.get("code"))
        assert provider_types()[vendor].read_stream_failure(type_, error["message"], body).kind == case["kind"]


def test_every_vendor_has_its_golden_errors() -> None:
    brokers = {"aimlapi"}  # documents no errors of its own
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(provider_types()) - brokers


def test_every_line_names_a_known_kind_in_lower_case() -> None:
    lines = [*COMMON, *(one for vendor in provider_types().values() for one in getattr(vendor, "says", ()))]
    assert {one.kind for one in lines} <= set(KINDS)
    for one in lines:
        assert all(text == text.lower() for text in (*one.tags, *one.words, one.beside))


def test_all_that_a_line_names_must_hold() -> None:
    line = Says("quota", (403,), tags=("a",), words=("x", "y"), beside="z")
    assert line.holds(403, frozenset({"a", "b"}), "y and z")
    assert not line.holds(429, frozenset({"a"}), "y and z")
    assert not line.holds(403, frozenset({"b"}), "y and z")
    assert not line.holds(403, frozenset({"a"}), "y")
    assert not line.holds(403, frozenset({"a"}), "z")


def test_a_vendors_own_lines_come_first() -> None:
    own = (Says("overloaded", (403,), again=True),)
    assert meaning(own, 403, frozenset(), "content policy") == ("retry", "overloaded")
    assert meaning((), 403, frozenset(), "content policy") == ("final", "content_refused")


@pytest.mark.parametrize(
    ("status", "class_", "kind"),
    [(401, "next", "auth"), (403, "next", "no_access"), (409, "retry", "server_error"), (418, "final", "bad_request")],
)
def test_who_says_nothing_is_read_by_status(status: int, class_: str, kind: str) -> None:
    assert meaning((), status, frozenset(), "") == (class_, kind)


@pytest.mark.parametrize("vendor", sorted(provider_types()))
@pytest.mark.parametrize(
    "sentence",
    [
        "Invalid schema for function 'create_billing_invoice': object schema missing properties.",
        "Invalid value: 'invalid_api_key'. Supported values are: 'system' and 'user'.",
        'Unknown name "insufficient credits": Cannot find field.',
        "unknown variant `credit balance`, expected one of `system`, `user`",
        "tool_use ids were found without tool_result blocks immediately after: billing_1, insufficient_quota",
    ],
)
def test_an_agents_own_words_in_a_refusal_shut_no_account(vendor: str, sentence: str) -> None:
    """They come back in the vendor's sentence; taken for a dead key they would keep everybody else out."""
    body = {"error": {"message": sentence, "type": "invalid_request_error", "code": "invalid_value"}}
    assert read(vendor, {"status": 400, "body": body}).kind == "bad_request"
