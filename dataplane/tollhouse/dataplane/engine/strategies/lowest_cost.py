"""Where the request will probably cost least: expected tokens times the whole price vector. A target whose prompt cache
holds the session's prompt is charged at its cache rate; one that would have to read it anew pays for the switch: the
whole prompt, and what writing it to its own cache costs."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.dataplane.engine.strategies.standing import Expected, Ranked, Standing
from tollhouse.proto.units import NanoUSD, format_usd


def order(standings: Sequence[Standing], expected: Expected) -> list[Ranked]:
    """Cheapest first; of equals the heavier one; those without a known price last."""
    costs = {one.name: expected_cost(one, expected) for one in standings}
    ranked = sorted(standings, key=lambda one: (costs[one.name] is None, costs[one.name] or 0, -one.weight))
    return [Ranked(one.name, _why(one, costs[one.name], expected)) for one in ranked]


def expected_usage(one: Standing, expected: Expected) -> Usage:
    """What the target would probably report."""
    cached = min(one.warm_tokens, expected.input_tokens)
    fresh = expected.input_tokens - cached
    written, written_1h = int(fresh * one.write_share), int(fresh * one.write_1h_share)
    return Usage(expected.input_tokens, cached, written, written_1h, output_tokens=expected.output_tokens)


def expected_cost(one: Standing, expected: Expected) -> NanoUSD | None:
    """Nano-USD; None when the price is not known."""
    return None if one.price is None else cost(expected_usage(one, expected), one.price)


def _why(one: Standing, amount: NanoUSD | None, expected: Expected) -> str:
    if amount is None:
        return "its price is not known"
    usage = expected_usage(one, expected)
    cached = f", {usage.cached_tokens} of them from its cache" if usage.cached_tokens else ""
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    cached += f", {written} written to its cache" if written else ""
    basis = f"learned from {expected.seen} requests" if expected.seen else "assumed"
    return (
        f"about {format_usd(amount)} USD for {usage.input_tokens} tokens in{cached} and {usage.output_tokens} out "
        f"({basis})"
    )
