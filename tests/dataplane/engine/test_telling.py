"""Which silences count."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.engine.telling import telling_s


@pytest.mark.parametrize(("usual_s", "counts"), [(0.0, 0.7), (0.1, 0.7), (2.0, 4.0), (25.0, 30.0)])
def test_twice_what_is_usual_but_neither_a_moment_nor_for_ever(usual_s: float, counts: float) -> None:
    """Of who was never heard of little is expected; half a minute is too long for anybody."""
    assert telling_s(usual_s) == pytest.approx(counts, abs=0.02)
