"""How one target is chosen among equals, and where a request goes when its targets fail for a reason."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from tollhouse.proto.expression import parse_expression
from tollhouse.proto.resources.fields import Part, unique

Algorithm = Literal["roundrobin", "chash", "priority", "least_conn", "latency", "cost", "headroom", "tiers"]
HashOn = Literal["vars", "header", "cookie", "consumer", "vars_combinations"]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], AfterValidator(unique)]


def _no_semantic(value: Any) -> Any:
    if value == "semantic":
        raise ValueError("algorithm 'semantic' is not supported; use tiers to route by the request's content")
    return value


def _expression(value: list[Any]) -> list[Any]:
    parse_expression(value)
    return value


class Sticky(Part):
    """A session stays with its target while that is fit, because its prompt cache is warm there."""

    seconds: int = Field(default=300, ge=1, le=86_400)
    """How long after its last answer; providers keep a prompt in their cache for about five minutes."""

    header: str | None = Field(default=None, min_length=1)
    """The header that names the session. Not given: ``x-tollhouse-session`` or what agents are known to send
    (``x-claude-code-session-id``, ``session-id``, ...), else the beginning of the conversation."""


class TierSpec(Part):
    """Targets of like strength."""

    name: str = Field(min_length=1, max_length=64)
    """Its name in rules and explanations."""

    targets: Annotated[Names, Field(min_length=1)]
    """Names of targets or instances."""

    up_to: float = Field(default=1.0, ge=0, le=1)
    """The most difficult request it takes, from 0 (trivial) to 1."""


class TierRule(Part):
    """Requests that belong to a tier whatever their difficulty."""

    when: Annotated[list[Any], Field(min_length=1), AfterValidator(_expression)]
    """An expression over the request's variables, as in a route's ``vars``."""

    tier: str
    """The name of the tier."""


class Strategy(Part):
    """How one target is chosen among equals."""

    algorithm: Annotated[Algorithm, BeforeValidator(_no_semantic)] = "roundrobin"
    """``roundrobin`` in turn by weight; ``chash`` by hash of ``key``; ``priority`` the first fit one as configured;
    ``least_conn`` the fewest in flight; ``latency`` the soonest through; ``cost`` the lowest expected cost;
    ``headroom`` the most of the provider's quota left; ``tiers`` easy work to the cheap, hard work to the capable."""

    hash_on: HashOn = "vars"
    """What ``key`` names."""

    key: str | None = None
    """The variable, header or cookie that is hashed."""

    sticky: Sticky | None = None
    """Keep a session where its prompt cache is warm."""

    probe_share: float = Field(default=0.02, ge=0, le=0.5)
    """With ``latency``: the share of requests that go to a slower target first, to see whether it is quick again."""

    tiers: list[TierSpec] = []
    """With ``tiers``: from the cheapest to the most capable; the last one takes what no other does."""

    rules: list[TierRule] = []
    """With ``tiers``: the first rule that holds decides, before the difficulty is looked at."""

    except_consumers: list[str] = []
    """With ``tiers``: consumers (glob patterns) that always get the most capable tier."""

    @model_validator(mode="after")
    def _complete(self) -> Strategy:
        if self.algorithm == "chash" and self.key is None and self.hash_on != "consumer":
            raise ValueError("algorithm chash needs key: the variable, header or cookie to hash")
        given = {"tiers", "rules", "except_consumers"} & self.model_fields_set
        if self.algorithm != "tiers" and given:
            raise ValueError(f"{', '.join(sorted(given))}: only with algorithm tiers")
        if self.algorithm != "latency" and "probe_share" in self.model_fields_set:
            raise ValueError("probe_share: only with algorithm latency")
        if self.algorithm == "tiers":
            self._check_tiers()
        return self

    def check_tiers(self, names: Collection[str]) -> None:
        """Raises ValueError when a tier names a target that is not among these."""
        for tier in self.tiers:
            for name in tier.targets:
                if name not in names:
                    listed = ", ".join(sorted(names))
                    raise ValueError(f"tier {tier.name!r} names {name!r}, which is no target; there are {listed}")

    def _check_tiers(self) -> None:
        names = [tier.name for tier in self.tiers]
        if not names:
            raise ValueError("algorithm tiers needs tiers, from the cheapest to the most capable")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two tiers are called {name!r}")
        for rule in self.rules:
            if rule.tier not in names:
                raise ValueError(f"a rule names the tier {rule.tier!r}; there are {', '.join(names)}")
        limits = [tier.up_to for tier in self.tiers]
        if limits != sorted(limits):
            raise ValueError("up_to must not fall from one tier to the next")


class Fallbacks(Part):
    """Where a request goes on for a reason, in order: names of instances of the route, or of models of the catalogue.
    An instance of weight 0 serves only where it is named here."""

    availability: Names = []
    """When every ordinary target was tried, or none is fit."""

    context_too_long: Names = []
    """When the request is longer than a target's context."""

    content_refused: Names = []
    """When a provider's own policy refused the content."""

    budget: Names = []
    """When a budget does not allow the target."""
