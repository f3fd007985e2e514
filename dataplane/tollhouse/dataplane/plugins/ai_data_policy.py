"""ai-data-policy: which fields of structured data may leave, in what form, and to whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field
from tollhouse.dataplane.chat import ArgumentsDelta, PartEnded, PartStarted, TextDelta
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.edits import Unwritable, edit_item
from tollhouse.dataplane.guarding.fields import Fields, glob_of
from tollhouse.dataplane.guarding.segments import Item, Segment, items_of, segments_of, show_path
from tollhouse.dataplane.guarding.strictly import names_twice, require_judgeable
from tollhouse.dataplane.permitted import PROVIDERS, confine
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict, value_digest
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

Where = Literal["arguments", "results", "messages", "answers"]
_WHERE: dict[str, Where] = {"tool_call": "arguments", "tool": "results"}
_DROPPED: Any = object()
MASKED = "[masked]"
_FENCED = re.compile(r"(\s*```[a-zA-Z]*\s*\n)(.*?)(\n?```\s*)", re.DOTALL)
"""Structured output as models like to wrap it."""


class FieldRule(PluginConfig):
    """What happens to some fields."""

    fields: tuple[str, ...] = Field(min_length=1)
    """Names of fields, or paths with dots (``customer.address.*``), as glob patterns, or JSON paths
    (``$.customer.address``, ``$..ssn``, ``$.people[*].mail``); upper and lower case are one. A name alone is found at
    any depth, a path begins at the top; list positions are left out."""
    where: tuple[Where, ...] = ("arguments", "results", "messages")
    """``arguments`` and ``results`` of tool calls in the conversation, JSON in ``messages``, and in ``answers`` the
    arguments of new calls and structured output."""
    action: Literal["drop", "mask", "hash", "deny", "confine"]
    """Take the field out; put ``[masked]`` or a keyed digest in its place; refuse the request; or let it go only to
    ``providers``."""
    providers: tuple[str, ...] = ()
    """With ``confine``: glob patterns of the providers (their ids, or their types where they have none) that may see
    the field, local models say."""


class DataPolicyConfig(PluginConfig):
    """All rules apply; of several for one field the first."""

    rules: tuple[FieldRule, ...] = Field(min_length=1, max_length=500)
    """What happens to which fields."""
    shadow: bool = False
    """Change and refuse nothing, only tell."""


@dataclass(slots=True)
class _Held:
    """A part of the answer that waits for its end."""

    events: list[Any] = field(default_factory=list)
    is_json: bool = False


class AiDataPolicy(Plugin[DataPolicyConfig]):
    """Works on JSON wherever it stands: arguments, results, messages that are JSON, and answers. JSON stays JSON, and
    what no rule names keeps its type."""

    name: ClassVar[str] = "ai-data-policy"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1075  # before ai-guard: what is dropped need not be judged
    Config: ClassVar[type[PluginConfig]] = DataPolicyConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: DataPolicyConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._key = f"{self.name}:{place}"
        self._rules = [(rule, Fields(rule.fields)) for rule in config.rules]
        self._answers = [one for one in self._rules if "answers" in one[0].where]
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """``confine`` needs providers, nothing else takes them, and answers go to nobody else; JSON paths are read."""
        assert isinstance(config, DataPolicyConfig)
        problems = []
        for place, rule in enumerate(config.rules):
            if (rule.action == "confine") != bool(rule.providers):
                problems.append(f"rules[{place}]: providers belong to the action confine, which needs at least one")
            if rule.action == "confine" and "answers" in rule.where:
                problems.append(f"rules[{place}].where: an answer is confined to nobody; take 'answers' out")
            for number, field_ in enumerate(rule.fields):
                try:
                    glob_of(field_)
                except ValueError as error:
                    problems.append(f"rules[{place}].fields[{number}]: {error}")
        return problems

    def request(self, ex: Exchange) -> None:
        """Change the fields. Raises ClientError 403 ``field_not_allowed``, and for what a provider keeps, which nobody
        can look into."""
        if ex.protocol is not None and ex.protocol.opaque and not self.config.shadow:
            require_judgeable(ex, self.name)
        ex.state[self._key] = {}
        document = ex.document
        if document is None:
            return
        try:
            items = items_of(document)
            edited = {(item.field, item.place): raw for item in items if (raw := self._item(ex, item)) is not None}
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, Unwritable) else "it cannot be read"
            raise ClientError(400, "guard_unjudged", f"The request cannot be brought in line: {reason}.") from None
        for name in {name for name, _ in edited}:
            own = [item for item in items if item.field == name]
            whole = own[0].place is None
            parts = [edited.get((name, item.place), item.raw) for item in own]
            document.set_raw(name, parts[0] if whole else b"[" + b",".join(parts) + b"]")
        if edited:
            ex.forget()
            ex.body = document.encode()

    def _item(self, ex: Exchange, item: Item) -> bytes | None:
        """The item as it may go out; None when it may as it is."""
        changes: list[tuple[Segment, str]] = []
        for segment in segments_of(item):
            if segment.kind not in ("json", "object") or segment.role == "tool_definition":
                continue
            where = _WHERE.get(segment.role, "messages")
            rules = [one for one in self._rules if where in one[0].where]
            if not rules:
                continue
            value = msgspec.json.decode(segment.text)
            changed = self._apply(ex, value, rules, "input", show_path(item, segment.path))
            if changed is not value or (
                segment.kind == "json" and not self.config.shadow and names_twice(segment.text)
            ):
                text = msgspec.json.encode({} if changed is _DROPPED else changed).decode()
                changes.append((segment, text))
        return edit_item(item, changes) if changes else None

    def _apply(
        self, ex: Exchange, value: Any, rules: Sequence[tuple[FieldRule, Fields]], direction: str, path: str
    ) -> Any:
        """The value after the rules; the very same when none had anything to change."""

        def decide(steps: tuple[str, ...], inner: Any) -> Any:
            rule = next((rule for rule, fields in rules if fields.name(steps)), None)
            return inner if rule is None else self._act(ex, rule, inner, direction, f"{path}.{'.'.join(steps)}")

        return _walk(value, (), decide)

    def _act(self, ex: Exchange, rule: FieldRule, value: Any, direction: str, path: str) -> Any:
        shadow = self.config.shadow
        told = msgspec.json.encode(value).decode()
        digest = value_digest(self.services.digest_key, told)
        action = {"deny": "block", "confine": "flag", "drop": "redact"}.get(rule.action, rule.action)
        add_verdict(
            ex,
            Verdict(
                self.name,
                f"field/{rule.action}",
                "policy.field",
                action,
                direction,
                path[:200],
                shadow=shadow,
                digest=digest,
            ),
        )
        self._counted("policy.field", f"shadow_{action}" if shadow else action, direction).add()
        if shadow:
            return value
        if rule.action == "deny":
            message = f"The field {path[:200]} may not be sent here. Leave it out."
            raise ClientError(403, "field_not_allowed", message, param=path[:200])
        if rule.action == "confine":
            confine(ex, PROVIDERS, rule.providers)
            return value
        if rule.action == "drop":
            return _DROPPED
        return MASKED if rule.action == "mask" else f"sha256:{digest}"

    # -- the answer

    def event(self, ex: Exchange, event: Any) -> list[Any]:
        """Hold arguments and structured output to their end, then let go what may be shown. Raises ClientError 403 for
        a denied field, and for arguments that are no JSON."""
        held: dict[tuple[int, int], _Held] | None = ex.state.get(self._key)
        if held is None or not self._answers:
            return [event]
        if isinstance(event, PartStarted) and event.kind in ("tool_call", "text"):
            held[event.choice, event.index] = _Held(is_json=event.kind == "tool_call")
        elif isinstance(event, ArgumentsDelta | TextDelta):
            part = held.get((event.choice, event.index))
            text = event.json if isinstance(event, ArgumentsDelta) else event.text
            if part is not None and (part.is_json or part.events or text.lstrip()[:1] in ("{", "[", "`")):
                part.events.append(event)
                return []
            if part is not None and text.strip():
                del held[event.choice, event.index]  # prose
        elif isinstance(event, PartEnded):
            part = held.pop((event.choice, event.index), None)
            if part is not None and part.events:
                return [*self._judged(ex, part.events), event]
        return [event]

    def _judged(self, ex: Exchange, events: list[Any]) -> list[Any]:
        first = events[0]
        is_call = isinstance(first, ArgumentsDelta)
        text = "".join(one.json if is_call else one.text for one in events)
        found = None if is_call else _FENCED.fullmatch(text)
        before, inner, after = found.groups() if found is not None else ("", text, "")
        try:
            value = msgspec.json.decode(inner)
            changed = self._apply(ex, value, self._answers, "output", "answer")
            twice = names_twice(inner)
        except (ValueError, RecursionError):
            if is_call and text.strip() and not self.config.shadow:
                raise ClientError(403, "field_not_allowed", "The model's tool call holds no JSON to judge.") from None
            return events
        if changed is value and (not twice or self.config.shadow):
            return events
        shown = before + msgspec.json.encode({} if changed is _DROPPED else changed).decode() + after
        made = ArgumentsDelta if is_call else TextDelta
        return [made(first.choice, first.index, shown)]


def _walk(value: Any, steps: tuple[str, ...], decide: Callable[[tuple[str, ...], Any], Any]) -> Any:
    """The value with what ``decide`` puts in place of fields; the very same when it changes nothing."""
    if isinstance(value, list):
        made = [_walk(inner, steps, decide) for inner in value]
        same = all(left is right for left, right in zip(made, value, strict=True))
        return value if same else [inner for inner in made if inner is not _DROPPED]
    if not isinstance(value, dict):
        return value
    changed = dict(_fields(value, steps, decide))
    return value if all(changed.get(name, _DROPPED) is inner for name, inner in value.items()) else changed


def _fields(
    value: dict[str, Any], steps: tuple[str, ...], decide: Callable[[tuple[str, ...], Any], Any]
) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        below = (*steps, name)
        decided = decide(below, inner)
        if decided is _DROPPED:
            continue
        yield name, _walk(decided, below, decide) if decided is inner else decided
