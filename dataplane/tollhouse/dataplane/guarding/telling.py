"""What becomes of findings: the action chosen for each, its verdict for audit and logs, its count for metrics."""

from __future__ import annotations

from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.choices import Choices
from tollhouse.dataplane.guarding.inspector import Finding
from tollhouse.dataplane.guarding.segments import Segment
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict, value_digest
from tollhouse.dataplane.services import Services


class Teller:
    """Decides about findings, and tells. One per plugin."""

    def __init__(self, plugin: str, choices: Choices, services: Services) -> None:
        self._plugin = plugin
        self._choices = choices
        self._digest_key = services.digest_key
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    def decide(
        self, ex: Exchange, finding: Finding, direction: str, segment: Segment, path: str, *, repeated: bool = False
    ) -> str | None:
        """The action to be taken: ``block``, ``redact`` or ``mask``; None when it was only to be told."""
        action, shadow = self._choices.decide(direction, finding)
        digest = value_digest(self._digest_key, finding.value)
        self._tell(
            ex,
            Verdict(
                self._plugin,
                finding.rule,
                finding.group,
                action,
                direction,
                path,
                segment.role,
                segment.trust,
                shadow,
                finding.severity,
                finding.score,
                finding.version,
                digest,
                repeated,
            ),
        )
        return None if shadow or action in ("flag", "off") else action

    def unjudged(self, ex: Exchange, *, passed: bool, shadow: bool) -> None:
        """A request could not be judged."""
        action = "flag" if passed else "block"
        self._tell(ex, Verdict(self._plugin, "guard/unjudged", "guard.unjudged", action, "input", shadow=shadow))

    def _tell(self, ex: Exchange, verdict: Verdict) -> None:
        add_verdict(ex, verdict)
        if not verdict.repeated or verdict.action == "block":
            action = f"shadow_{verdict.action}" if verdict.shadow else verdict.action
            self._counted(verdict.group, action, verdict.direction).add()
