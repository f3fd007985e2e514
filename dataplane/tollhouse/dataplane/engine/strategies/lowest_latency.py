"""Where the answer will probably be through first. Slow targets keep a small share of the traffic, so that they are
noticed when they have become quick again."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.engine.strategies.standing import Expected, Ranked, Standing

PROBE_SHARE = 0.02
_FAILING = 1.5
"""How much slower than the slowest one counts that has only failed so far."""


def order(
    standings: Sequence[Standing], expected: Expected, luck: float, probe_share: float = PROBE_SHARE
) -> list[Ranked]:
    """By time to the first token plus the time of the expected tokens, times the load (peak EWMA). Unmeasured targets
    first, but for one request at a time: a crowd on one that hangs would find out together; those that only failed so
    far count as slow. ``luck``: 0 <= x < 1; below ``probe_share`` one of the others goes first."""
    measured = [seconds for one in standings if (seconds := _seconds(one, expected))]
    quick, slow = min(measured, default=1.0), max(measured, default=1.0)

    def due(one: Standing) -> float:
        seconds = _seconds(one, expected)
        if not seconds and not one.in_flight and not one.failing:
            return 0.0
        seconds = seconds or (slow * _FAILING if one.failing else quick)
        return seconds * (one.in_flight + 1) / max(1, one.weight)

    ranked = sorted(standings, key=due)
    told = [Ranked(one.name, _why(one, expected)) for one in ranked]
    if luck < probe_share and len(told) > 1:
        at = 1 + min(len(told) - 2, int(luck / probe_share * (len(told) - 1)))
        probed = told.pop(at)
        told.insert(0, Ranked(probed.name, f"probed in its turn; {probed.why}"))
    return told


def _seconds(one: Standing, expected: Expected) -> float:
    return one.start_s + one.token_s * expected.output_tokens


def _why(one: Standing, expected: Expected) -> str:
    if not one.start_s and not one.token_s:
        return "has only failed so far" if one.failing else "not measured yet"
    whole = _seconds(one, expected)
    return (
        f"{one.start_s:.3f} s to the first token and {one.token_s * 1000:.1f} ms per token, so {whole:.2f} s for about "
        f"{expected.output_tokens} tokens, {one.in_flight} in flight"
    )
