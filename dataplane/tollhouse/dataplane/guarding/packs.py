"""Rules as data: the packs that come with the gateway, and how any pack is read and compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

import re2
import yaml
from pydantic import BaseModel, ConfigDict, Field
from tollhouse.dataplane.guarding.patterns import compile_pattern, options
from tollhouse.dataplane.guarding.validators import VALIDATORS, Validator

Action = Literal["block", "redact", "mask", "flag", "shadow", "off"]
Direction = Literal["input", "output"]
Trust = Literal["developer", "user", "untrusted", "assistant"]

BUILT_IN = ("injection", "secrets", "personal_data", "exfiltration", "leakage")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Context(_Strict):
    """A telling word that must stand near a candidate."""

    words: tuple[str, ...]
    """Lower case; any of them suffices, in the text before the candidate or right after it."""
    within: int = 40
    """Characters before the candidate that are looked at (a third of it after)."""
    unless: str = ""
    """A candidate in which this pattern is found needs no such word."""


class RuleText(_Strict):
    """One rule as it is written."""

    id: str
    """Unique in its pack."""
    group: str
    """What is counted and reported together."""
    label: str = ""
    """Names the value in placeholders: ``EMAIL``."""
    severity: Literal["low", "medium", "high"] = "medium"
    """How bad a hit is."""
    weight: int = 0
    """What a hit adds to the score, in packs that are scored."""
    default: Action | None = None
    """Action unless the operator chose one."""
    keywords: tuple[str | tuple[str, ...], ...] = ()
    """Lower-case words one of which stands in any text the pattern matches; with lists, one of each list. ``re:``
    begins a small pattern instead of a word."""
    pattern: str = ""
    """RE2, with macros; group 1 (or the first that took part) is the value."""
    steering: float | None = None
    """Instead of a pattern: the score of the concept model from which it hits."""
    case: bool | None = None
    """Whether upper and lower case differ, instead of what the pack says."""
    validator: str = ""
    """Name of a check every candidate must pass."""
    context: Context | None = None
    """Words that must stand near."""
    companion: bool = False
    """Weighs only beside other hits of its pack, and is looked for only when there are some."""
    allow: tuple[str, ...] = ()
    """Values in which one of these patterns is found are harmless."""
    trust: tuple[Trust, ...] = ()
    """Only in text of this trust; empty: any."""
    not_roles: tuple[str, ...] = ()
    """Not in segments of these roles."""
    directions: tuple[Direction, ...] = ("input", "output")
    """Where it applies."""
    reach: int = 0
    """Bytes around its keywords that are looked at beyond the usual, for what is very long."""
    match: tuple[str, ...] = Field(min_length=1)
    """Texts in which it must be found."""
    no_match: tuple[str, ...] = ()
    """Texts in which it must not be found."""


class PackText(_Strict):
    """A pack as it is written."""

    id: str
    """Named in configs and verdicts."""
    version: str
    """Changes whenever a rule does."""
    about: str
    """What it finds."""
    case: bool = False
    """Whether upper and lower case differ."""
    spaces: Literal["exact", "loose"] = "exact"
    """``loose``: a blank in a pattern is any short run without letters and digits."""
    scored: bool = False
    """Hits are weighed together instead of each counting for itself."""
    words: dict[str, str] = {}
    """Macros of its patterns."""
    together: tuple[tuple[str, ...], ...] = ()
    """Rules, by id or group, that are often woken together: one pass tells whether any of them hits. For short
    patterns: an automaton of many sentences makes new states for nearly every new text."""
    rules: tuple[RuleText, ...] = Field(min_length=1)
    """What it looks for."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule, compiled. Shared by all plugins of the process."""

    pack: Pack
    text: RuleText
    pattern: Any
    validator: Validator | None
    unless: Any = None
    allow: tuple[Any, ...] = ()
    place: int = 0
    """Its position in the pack."""

    @property
    def id(self) -> str:
        """Unique among all packs."""
        return f"{self.pack.id}/{self.text.id}"

    @property
    def group(self) -> str:
        """Pack and group: what operators give actions to and metrics are counted by."""
        return f"{self.pack.id}.{self.text.group}"


@dataclass(slots=True, eq=False)
class Pack:
    """A pack, compiled."""

    id: str
    version: str
    scored: bool
    together: tuple[tuple[str, ...], ...] = ()
    rules: list[Rule] = field(default_factory=list)


def compile_pack(text: PackText) -> Pack:
    """Raises ValueError naming the rule that does not compile."""
    pack = Pack(text.id, text.version, text.scored, text.together)
    for place, rule in enumerate(text.rules):
        try:
            pack.rules.append(_compile_rule(pack, text, rule, place))
        except ValueError as error:
            raise ValueError(f"pack {text.id}, rule {rule.id}: {error}") from None
    return pack


def _compile_rule(pack: Pack, text: PackText, rule: RuleText, place: int) -> Rule:
    case = text.case if rule.case is None else rule.case
    if (rule.steering is None) == (not rule.pattern):
        raise ValueError("it needs a pattern, or the score of the concept model from which it hits")
    if rule.validator and rule.validator not in VALIDATORS:
        raise ValueError(f"there is no validator {rule.validator!r}")
    pattern = compile_pattern(rule.pattern, text.words, loose=text.spaces == "loose", case=case)
    unless = rule.context.unless if rule.context is not None else ""
    return Rule(
        pack,
        rule,
        pattern,
        VALIDATORS.get(rule.validator),
        re2.compile(unless, options(case=False)) if unless else None,
        tuple(re2.compile(one, options(case=True)) for one in rule.allow),
        place,
    )


def read_pack(source: str | bytes) -> PackText:
    """A pack from YAML (or JSON). Raises ValueError."""
    try:
        return PackText.model_validate(yaml.load(source, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None


@cache
def pack_text(name: str) -> PackText:
    """A pack that comes with the gateway, as written. Raises KeyError."""
    if name not in BUILT_IN:
        raise KeyError(name)
    return read_pack(resources.files(__package__).joinpath("rules", f"{name}.yaml").read_bytes())


@cache
def built_in(name: str) -> Pack:
    """The same, compiled once per process."""
    return compile_pack(pack_text(name))
