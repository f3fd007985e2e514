"""Whether a silence says something of the target, or only of the limit that ended it: routes share targets, and
what one of them is too impatient for must not shut the target to the others.
"""

from __future__ import annotations

from tollhouse.dataplane.engine.patience import FLOOR_S

LONGEST_S = 30.0
"""Silence for so long (APISIX's ``timeout``) is the target's own failure, whatever it ordinarily takes."""
_TIMES = 2.0
"""Times what it ordinarily takes."""
_TICK_S = 0.01
"""Timers may ring this early."""


def telling_s(usual_s: float) -> float:
    """How long a silence must last to count. ``usual_s``: what the target ordinarily takes to begin; 0 unknown."""
    return min(LONGEST_S, max(FLOOR_S, usual_s * _TIMES)) - _TICK_S
