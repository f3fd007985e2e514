"""The table of failures is whole, and everything else agrees with it."""

from __future__ import annotations

from typing import get_args

from tollhouse.dataplane.dispatch.attempts.failures import CODES
from tollhouse.dataplane.engine.breaker import DEAD_KEY, TROUBLE
from tollhouse.dataplane.engine.failure_kinds import KINDS
from tollhouse.dataplane.errors import FailureClass, Fault
from tollhouse.dataplane.provider import UpstreamFailure


def test_every_kind_has_a_class_and_a_fault() -> None:
    assert {kind.failure_class for kind in KINDS.values()} <= set(get_args(FailureClass))
    assert {kind.fault for kind in KINDS.values()} == set(get_args(Fault))


def test_what_is_built_on_kinds_knows_only_these() -> None:
    assert TROUBLE | DEAD_KEY | set(CODES) <= set(KINDS)


def test_breakers_open_for_the_providers_faults_and_for_keys_only() -> None:
    """An agent must never be able to shut a target for the others."""
    assert {KINDS[kind].fault for kind in TROUBLE - {"no_access"}} == {"provider"}
    assert {KINDS[kind].fault for kind in DEAD_KEY} == {"gateway"}


def test_a_failure_knows_whose_it_is() -> None:
    assert UpstreamFailure("final", "bad_request", 400, "").fault == "agent"
    assert UpstreamFailure("next", "timeout", 0, "").fault == "provider"
    assert UpstreamFailure("next", "auth", 401, "").fault == "gateway"
    assert UpstreamFailure("next", "own-kind", 418, "").fault == "provider"
