"""Failures as clients are told of them."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.attempts.failures import of_error, of_transport, to_error
from tollhouse.dataplane.errors import GatewayFault, UpstreamError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.transport import TransportError


def failure(kind: str, status: int = 0, cls: Any = "next", **more: Any) -> UpstreamFailure:
    """One failure."""
    return UpstreamFailure(cls, kind, status, f"{kind} said", **more)


@pytest.mark.parametrize(
    ("one", "status", "code"),
    [
        (failure("rate_limited", 429, retry_after_s=3.0), 429, "provider_rate_limited"),
        (failure("overloaded", 529), 529, "provider_overloaded"),
        (failure("server_error", 500), 500, "provider_error"),
        (failure("connect"), 503, "provider_unreachable"),
        (failure("timeout"), 504, "provider_timeout"),
        (failure("auth", 401), 502, "provider_credentials_rejected"),
        (failure("quota", 429), 502, "provider_quota_exhausted"),
        (failure("no_access", 403), 502, "provider_access_denied"),
        (failure("not_found", 404), 404, "model_not_found"),
        (failure("unsupported", 400), 400, "unsupported_by_model"),
        (failure("too_large", 413), 413, "request_too_large"),
        (failure("bad_request", 422, "final"), 422, "bad_request"),
        (failure("context_too_long", 400, "final"), 400, "context_too_long"),
        (failure("invalid_reply", 302), 502, "invalid_upstream_reply"),
    ],
)
def test_one_failure_keeps_its_meaning(one: UpstreamFailure, status: int, code: str) -> None:
    """SDKs retry by status, so a 429 stays one and a dead key of ours is never a 401."""
    error = to_error([one], ["a"])
    assert (error.status, error.code, error.retry_after_s) == (status, code, one.retry_after_s)


def test_a_key_this_node_lacks_is_not_blamed_on_the_provider() -> None:
    """Nothing was sent, so nothing was rejected; the reference itself is for the log only."""
    lacking = of_error(GatewayFault("secret_unavailable", "$env://THE_KEY is not set"))
    alone, among = to_error([lacking], ["a"]), to_error([lacking, failure("overloaded", 529)], ["a", "b"])
    assert alone.message == "The gateway's key for a is missing on this node. Tell whoever runs the gateway."
    assert "a: no key for it on this node" in among.message
    assert "THE_KEY" not in alone.message + among.message


def test_several_failures_are_told_together() -> None:
    """503 with each cause; a rejected key is not quoted; the shortest wait counts."""
    both = [failure("auth", 401), failure("no_access", 403), failure("overloaded", 529, retry_after_s=4.0)]
    error = to_error(both, ["a", "c", "b"])
    assert (error.status, error.retry_after_s) == (503, 4.0)
    assert "overloaded said" in error.message
    assert "auth said" not in error.message
    assert "no_access said" not in error.message


@pytest.mark.parametrize(
    ("kinds", "fault"),
    [
        (["auth"], "gateway"),
        (["overloaded"], "provider"),
        (["overloaded", "auth"], "provider"),
        (["rate_limited", "auth"], "gateway"),
        (["connect", "too_large"], "agent"),
    ],
)
def test_an_error_says_whose_fault_it_is(kinds: list[str], fault: str) -> None:
    """Where everybody failed, a provider that should have answered outweighs one that could not be asked."""
    assert to_error([failure(kind, 400) for kind in kinds], [str(n) for n, _ in enumerate(kinds)]).fault == fault


def test_a_final_failure_after_others_is_the_answer() -> None:
    """The last provider judged the request itself."""
    assert to_error([failure("connect"), failure("bad_request", 400, "final")], ["a", "b"]).status == 400


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TransportError("connect", "x"), "connect"),
        (TransportError("connect", "x", timed_out=True), "timeout"),
        (TransportError("first_byte", "x", timed_out=True), "timeout"),
        (TransportError("framing", "x"), "invalid_reply"),
        (TransportError("closed", "x", request_sent=True), "connect"),
    ],
)
def test_broken_exchanges_may_go_better_elsewhere(error: TransportError, kind: str) -> None:
    """All of class next."""
    told = of_transport(error)
    assert (told.failure_class, told.kind) == ("next", kind)


def test_a_secret_that_is_not_there_is_a_dead_key() -> None:
    """The next target may have its own."""
    assert of_error(GatewayFault("secret_unavailable", "x")).kind == "auth"
    assert of_error(UpstreamError(502, "x", "y")).kind == "invalid_reply"
