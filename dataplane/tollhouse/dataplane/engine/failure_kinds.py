"""The kinds of failure an attempt can end with: whose fault each is, and where one goes on from it. Data, and pure.

Vendors say which kind an answer of theirs is (``providers/``); everything after that goes by this table alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tollhouse.dataplane.errors import FailureClass, Fault


class Kind(NamedTuple):
    """What follows from a failure of one kind."""

    failure_class: FailureClass
    """Where one goes on, unless the vendor's documentation says better (it is over in a moment: the same again)."""
    fault: Fault


KINDS: Mapping[str, Kind] = {
    # What the agent sent is at fault.
    "bad_request": Kind("final", "agent"),
    "context_too_long": Kind("final", "agent"),
    "content_refused": Kind("final", "agent"),
    "too_large": Kind("next", "agent"),  # for this provider's taste; others may take it
    "not_allowed": Kind("next", "agent"),
    "budget": Kind("next", "agent"),
    # The provider failed.
    "connect": Kind("next", "provider"),
    "timeout": Kind("next", "provider"),
    "slow": Kind("next", "provider"),
    "server_error": Kind("next", "provider"),
    "overloaded": Kind("next", "provider"),
    "cut": Kind("next", "provider"),
    "invalid_reply": Kind("next", "provider"),
    "spoilt": Kind("next", "provider"),  # what the model wrote for this request is of no use; others may fare better
    "open": Kind("next", "provider"),
    # Whoever runs the gateway has to do something: about keys, money, limits, or what is configured.
    "auth": Kind("next", "gateway"),
    "quota": Kind("next", "gateway"),
    "no_access": Kind("next", "gateway"),
    "not_found": Kind("next", "gateway"),
    "unsupported": Kind("next", "gateway"),
    "rate_limited": Kind("next", "gateway"),
    "busy": Kind("next", "gateway"),
}
