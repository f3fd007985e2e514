"""The stages a request goes through, in order."""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """Where in the life of a request a plugin acts. Inside a stage the higher priority goes first (APISIX)."""

    ACCEPT = 1
    """Give it an id, look at the client's address, answer preflights. The body has not been read."""

    IDENTIFY = 2
    """Who is calling. The body has not been read; the consumer's own plugins join after this stage."""

    ADMIT = 3
    """May they, now: permissions, rates, budgets."""

    SHAPE = 4
    """Change the request: rewrites, templates, decorators, defaults."""

    GUARD = 5
    """Judge the content."""

    ANSWER = 6
    """Reply without a provider."""

    DISPATCH = 7
    """Choose a target and try it. One plugin of a route does this, or its upstream."""

    RECORD = 9
    """Logs, metrics, spans. Plugins of this stage act only after the reply is through."""
