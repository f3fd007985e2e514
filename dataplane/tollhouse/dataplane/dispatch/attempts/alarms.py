"""What people should hear of, seen where attempts are made: a price nobody knows, a key a provider refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.spending import Alert

if TYPE_CHECKING:
    from tollhouse.dataplane.dispatch.choosing.targets import Target

AGAIN_S = 600.0
"""The node is not told of the same again for so long; it tells people still less often."""
MOST_REMEMBERED = 10_000


class Alarms:
    """One per driver."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._told: dict[tuple[str, str], float] = {}
        self._counted = services.metrics.counter(
            "tollhouse_alerts_total", "What people were to be told of; the same is told once.", ("event",)
        )

    def unknown_price(self, target: Target, model: str) -> None:
        """A model was used, or was to be used, whose price nobody knows."""
        name = (target.model or model)[:256]
        done = {"block": "It is refused", "estimate": "Its cost is estimated", "free": "It is counted as free"}
        what = done.get(target.unknown_price, "It was used")
        text = f"Nobody knows what {name} costs at {target.endpoint.name}. {what}; give its model a price."
        details = {"provider": target.endpoint.name, "model": name, "policy": target.unknown_price}
        self._tell(Alert("unknown_price", f"{target.endpoint.name}/{name}", text, "", details))

    def dead_key(self, target: Target, failure: UpstreamFailure) -> None:
        """A provider does not take the key it was shown, or not for this model."""
        what, status = f"the key of target {target.name}", failure.status
        text = f"{target.endpoint.name} refuses {what} (it answered {status}). Replace it."
        if failure.kind == "no_access":
            text = (
                f"{target.endpoint.name} does not let {what} use its model (it answered {status}). Have access given "
                f"to it, or take the target out."
            )
        details = {"provider": target.endpoint.name, "target": target.name, "status": status}
        self._tell(Alert("dead_key", f"{target.endpoint.name}/{target.name}", text, "", details))

    def _tell(self, alert: Alert) -> None:
        now = self._services.clock.monotonic()
        name = (alert.event, alert.subject)
        if now - self._told.get(name, -AGAIN_S) < AGAIN_S:
            return
        if len(self._told) >= MOST_REMEMBERED:
            self._told.clear()
        self._told[name] = now
        self._counted(alert.event).add()
        if self._services.alert is not None:
            self._services.alert(alert)
