"""What ai-guard is told: packs and rules of one's own, and what to do about which finding."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from tollhouse.dataplane.guarding.inspector import Finding
from tollhouse.dataplane.guarding.packs import BUILT_IN, Action, Pack, PackText, RuleText, built_in, compile_pack
from tollhouse.dataplane.guarding.scoring import THRESHOLDS
from tollhouse.dataplane.plugin import PluginConfig, Secret

PackName = Literal["injection", "secrets", "personal_data", "exfiltration", "leakage"]

DEFAULTS: dict[str, dict[str, Action]] = {
    "input": {"injection": "block", "secrets": "redact", "personal_data": "mask", "own": "block"},
    "output": {
        "secrets": "redact",
        "personal_data": "flag",
        "exfiltration": "redact",
        "exfiltration.destination": "flag",
        "leakage": "block",
        "leakage.recital": "flag",
        "own": "block",
    },
}
DESTINATION = "exfiltration/destination"
CARRIED = "exfiltration/masked-value"
OVERLAP = "leakage/overlap"


class OwnRule(PluginConfig):
    """A rule of the operator's own."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Names it in verdicts and under ``actions``, as ``own/<id>``."""
    pattern: str = Field(min_length=1, max_length=4000)
    """A regular expression in RE2's syntax; group 1, where there is one, is the value."""
    keywords: tuple[str, ...] = ()
    """Lower-case words one of which stands in any text the pattern matches: makes it cheap."""
    label: str = Field(default="VALUE", pattern=r"^[A-Z][A-Z0-9_]{0,20}$")
    """Names the value in placeholders."""
    case_sensitive: bool = False
    """Whether upper and lower case differ."""


class Thresholds(PluginConfig):
    """The score from which text counts as an attack, by who said it; 0 never."""

    user: int = Field(default=THRESHOLDS["user"], ge=0)
    """What the user says."""
    untrusted: int = Field(default=THRESHOLDS["untrusted"], ge=0)
    """Tool results and documents."""
    developer: int = Field(default=THRESHOLDS["developer"], ge=0)
    """System prompts: they say such things for good reasons."""
    assistant: int = Field(default=THRESHOLDS["assistant"], ge=0)
    """What the model said before."""


class GuardConfig(PluginConfig):
    """What to look for and what to do about it. The keys of ``actions`` are a pack (``secrets``), a group of it
    (``personal_data.contact``) or one rule (``secrets/aws.secret-key``); the most precise one counts, ``input`` and
    ``output`` before ``actions``."""

    packs: tuple[PackName, ...] = ("injection", "secrets", "personal_data", "exfiltration", "leakage")
    """Rules that come with the gateway."""
    rules: tuple[OwnRule, ...] = Field(default=(), max_length=200)
    """Rules of your own; blocked unless ``actions`` says otherwise."""
    actions: dict[str, Action] = {}
    """``block``, ``redact`` (replaced for good), ``mask`` (replaced on the way out, restored in the answer), ``flag``
    (only told), ``shadow`` (told as what the default would have done), ``off``."""
    input: dict[str, Action] = {}
    """Actions for what goes to the model; ``{"*": "off"}`` looks at answers only."""
    output: dict[str, Action] = {}
    """Actions for what comes back."""
    thresholds: Thresholds = Thresholds()
    """When weighted rules count as an attack."""
    allow: tuple[str, ...] = Field(default=(), max_length=1000)
    """Values that are never reported."""
    canaries: tuple[Secret, ...] = Field(default=(), max_length=100)
    """Strings you put into prompts that must never come back; at least 8 characters each."""
    shadow: bool = False
    """Change and refuse nothing, only tell what would have been done: how to begin."""
    fail_mode: Literal["closed", "open"] = "closed"
    """What happens to a request that cannot be judged within the budget, or not changed as it should be."""
    max_scan_bytes: int = Field(default=4 << 20, gt=0)
    """Bytes of new text one request may bring."""
    max_scan_ms: int = Field(default=2000, gt=0)
    """Milliseconds one request may be looked at."""
    as_refusal: bool = False
    """Answer a blocked request with 200 and finish reason ``content_filter``, as a model that declines, instead of an
    error."""
    message: str = Field(default="This request was blocked by a content rule of the gateway.", min_length=1)
    """What the caller is told."""


class Choices:
    """Which action a finding meets, the most precise choice first. One per plugin."""

    def __init__(self, config: GuardConfig) -> None:
        self.config = config
        self._actions: dict[tuple[str, str], Action] = {}

    def minds(self, direction: str, rule: str, group: str, default: str = "") -> bool:
        """Whether a rule is looked for at all."""
        return self.action(direction, rule, group, default) != "off"

    def action(self, direction: str, rule: str, group: str, default: str) -> Action:
        """The most precise choice: rule, group, pack; of the direction before those of both, before the defaults."""
        known = self._actions.get((direction, rule))
        if known is not None:
            return known
        config = self.config
        pack = group.partition(".")[0]
        names = (rule, group, pack, "*")
        chosen: Any = None
        for table in (config.input if direction == "input" else config.output, config.actions):
            chosen = chosen or next((table[name] for name in names if name in table), None)
        if chosen is None:
            defaults = DEFAULTS[direction]
            chosen = default or next((defaults[name] for name in names if name in defaults), "off")
        self._actions[direction, rule] = chosen
        return chosen  # type: ignore[no-any-return]

    def decide(self, direction: str, finding: Finding) -> tuple[Action, bool]:
        """What is done, and whether it is only told."""
        action = self.action(direction, finding.rule, finding.group, finding.default)
        if action == "shadow":
            defaults = DEFAULTS[direction]
            pack = finding.group.partition(".")[0]
            return finding.default or defaults.get(finding.group) or defaults.get(pack, "flag"), True  # type: ignore[return-value]
        return action, self.config.shadow


def complaints_about(config: GuardConfig) -> list[str]:
    """Own rules must compile, keys of ``actions`` must name something, canaries must be long enough."""
    complaints = []
    try:
        own = own_pack(config, ["canary-for-check" for _ in config.canaries])
    except ValueError as error:
        return [f"rules: {error}"]
    packs = [built_in(name) for name in BUILT_IN] + ([own] if own else [])
    known = {"*", DESTINATION, CARRIED, OVERLAP, "exfiltration.destination", "leakage.overlap", "own", "leakage.canary"}
    for pack in packs:
        known.add(pack.id)
        known |= {name for rule in pack.rules for name in (rule.id, rule.group)}
    for where in ("actions", "input", "output"):
        for name in getattr(config, where):
            if name not in known:
                complaints.append(
                    f"{where}: {name!r} is no pack, group or rule; write 'secrets', 'personal_data.contact' or "
                    "'secrets/jwt'"
                )
    for position, canary in enumerate(config.canaries):
        if len(canary) < 8:
            complaints.append(f"canaries[{position}] is shorter than 8 characters and would be found by accident")
    return complaints


def own_pack(config: GuardConfig, canaries: list[str]) -> Pack | None:
    """The operator's rules and canaries as a pack; None when there are none. Raises ValueError."""
    rules = [
        RuleText(
            id=rule.id,
            group="rule",
            label=rule.label,
            severity="high",
            keywords=tuple(word.lower() for word in rule.keywords),
            pattern=rule.pattern,
            case=rule.case_sensitive,
            match=("",),
        )
        for rule in config.rules
    ]
    if canaries:
        import re2

        pattern = "|".join(re2.escape(canary) for canary in canaries)
        words = tuple(canary.lower() for canary in canaries)
        rules.append(
            RuleText(
                id="canary",
                group="canary",
                label="CANARY",
                severity="high",
                keywords=words,
                pattern=pattern,
                directions=("output",),
                match=("",),
            )
        )
    if not rules:
        return None
    return compile_pack(PackText(id="own", version="config", about="The operator's own.", rules=tuple(rules)))
