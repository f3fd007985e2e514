"""Up at once, down slowly."""

from __future__ import annotations

from tollhouse.dataplane.engine.peak_ewma import PeakEwma


def test_a_rise_counts_at_once_and_is_forgotten_with_time() -> None:
    """One slow answer makes the target slow; it takes time and better answers to be quick again."""
    average = PeakEwma()
    assert average.value == 0
    average.observe(0.1, 0)
    average.observe(2.0, 1)
    assert average.value == 2.0
    average.observe(0.1, 1)
    assert average.value > 1.8
    average.observe(0.1, 61)
    assert average.value < 0.2
