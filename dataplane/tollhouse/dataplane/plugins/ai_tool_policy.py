"""ai-tool-policy: which tools an agent may offer its model, which calls it may get back, and with what arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal

import msgspec
import re2
from pydantic import Field
from tollhouse.dataplane.chat import ArgumentsDelta, PartEnded, PartStarted
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.guarding.offered import folded, keep_tools
from tollhouse.dataplane.guarding.strictly import TwiceNamed, decode_once, require_judgeable
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.agent_hints import session_of
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict, is_tainted
from tollhouse.dataplane.services import CounterUnavailable, Limit, Services
from tollhouse.dataplane.stages import Stage


class ArgumentRule(PluginConfig):
    """What an argument must look like."""

    tools: tuple[str, ...] = Field(default=("*",), min_length=1)
    """Glob patterns of tool names it is for."""
    argument: str = Field(min_length=1)
    """Path of the argument, names joined by dots: ``to`` or ``options.path``; a list is judged item by item."""
    allow: str | None = None
    """Regular expression (RE2) the whole value must match."""
    deny: str | None = None
    """Regular expression that must not be found in the value."""
    required: bool = False
    """The argument must be there."""


class ToolPolicyConfig(PluginConfig):
    """Names are glob patterns. Put it on a route, a consumer or a consumer group."""

    allow: tuple[str, ...] | None = None
    """Only these tools; without it all that ``deny`` leaves."""
    deny: tuple[str, ...] = ()
    """These tools never."""
    on_offer: Literal["drop", "block"] = "drop"
    """A forbidden tool in a request is taken out of the list, or the request is refused."""
    arguments: tuple[ArgumentRule, ...] = Field(default=(), max_length=500)
    """Rules on the arguments of calls."""
    side_effects: tuple[str, ...] = ()
    """Tools that change something or send something out: not after a tool result or document in this conversation, or
    in an earlier turn of the session the client names, was found to hold an attack (needs ``ai-guard`` on the route;
    there ``injection`` set to flag or redact)."""
    session_s: int = Field(default=86_400, ge=60, le=2_592_000)
    """Seconds for which a session is not trusted again, on this node."""
    shadow: bool = False
    """Refuse and drop nothing, only tell."""


_Rule = tuple[ArgumentRule, Any, Any]
"""With its patterns, compiled."""


@dataclass(slots=True)
class _Call:
    """A call whose arguments wait for their end."""

    name: str
    rules: list[_Rule]
    held: list[ArgumentsDelta] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    tainted: bool = False
    calls: dict[tuple[int, int], _Call] = field(default_factory=dict)


class AiToolPolicy(Plugin[ToolPolicyConfig]):
    """Looks at the tools of a request and at the calls of its answer. A call that must not be ends the answer before
    the call is complete, so no client carries it out."""

    name: ClassVar[str] = "ai-tool-policy"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1060  # after ai-guard, whose verdicts it reads
    Config: ClassVar[type[PluginConfig]] = ToolPolicyConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: ToolPolicyConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._key = f"{self.name}:{place}"
        self._rules: list[tuple[tuple[str, ...], _Rule]] = [
            (tuple(map(folded, rule.tools)), (rule, _compiled(rule.allow), _compiled(rule.deny)))
            for rule in config.arguments
        ]
        self._deny = tuple(map(folded, config.deny))
        self._side_effects = tuple(map(folded, config.side_effects))
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Patterns must compile."""
        assert isinstance(config, ToolPolicyConfig)
        complaints = []
        for place, rule in enumerate(config.arguments):
            for name in ("allow", "deny"):
                try:
                    _compiled(getattr(rule, name))
                except re2.error:
                    complaints.append(f"arguments[{place}].{name} is not a regular expression RE2 takes")
        return complaints

    def request(self, ex: Exchange) -> Any:
        """Drop or refuse forbidden tools. Raises ClientError 403 ``tool_not_allowed``, also for what a provider keeps:
        calls in a stored answer cannot be looked at."""
        if ex.protocol is not None and ex.protocol.opaque and not self.config.shadow:
            require_judgeable(ex, self.name)
        if ex.document is None:
            return None
        tainted = is_tainted(ex)
        session = session_of(ex)[:128] if self.config.side_effects else ""
        if session:
            return self._in_session(ex, session, tainted)
        self._offer(ex, tainted)
        return None

    async def _in_session(self, ex: Exchange, session: str, tainted: bool) -> None:
        """What was found in one turn counts for the session, whether or not later turns bring it again."""
        who = ex.consumer_name or ex.client_ip
        limit = Limit(f"taint:{who}:{session}", 1, self.config.session_s)
        try:
            if tainted:
                await self.services.counters.take(limit)
            else:
                tainted = not (await self.services.counters.look(limit)).allowed
        except CounterUnavailable:
            tainted = True  # what cannot be known is not safe
        self._offer(ex, tainted)

    def _offer(self, ex: Exchange, tainted: bool) -> None:
        assert ex.document is not None
        ex.state[self._key] = _State(tainted)
        if keep_tools(ex.document, lambda name: self._offered(ex, name, tainted)):
            ex.forget()
            ex.body = ex.document.encode()

    def _offered(self, ex: Exchange, name: str, tainted: bool) -> bool:
        reason = self._forbidden(name, tainted)
        if not reason:
            return True
        action = "block" if self.config.on_offer == "block" else "redact"
        self._tell(ex, name, action, "input", "tools")
        if action == "block" and not self.config.shadow:
            raise _refusal(name, reason)
        return self.config.shadow

    def _forbidden(self, name: str, tainted: bool) -> str:
        config, plain = self.config, folded(name)
        if _matches(self._deny, plain) or (config.allow is not None and not _matches(config.allow, name)):
            return "it is not among the tools allowed here"
        if tainted and _matches(self._side_effects, plain):
            return "a tool result in this session holds an attack, and the tool has side effects"
        return ""

    # -- the answer

    def event(self, ex: Exchange, event: Any) -> list[Any]:
        """Raises ClientError 403 for a call that must not be. Arguments a rule is about are held back until they were
        judged whole: a client in a hurry may take them for complete before the call ends."""
        state: _State | None = ex.state.get(self._key)
        if state is None:
            return [event]
        if isinstance(event, PartStarted) and event.kind == "tool_call":
            self._judge(ex, event.name, self._forbidden(event.name, state.tainted))
            rules = self._rules_for(event.name) if self._rules else []
            if rules:
                state.calls[event.choice, event.index] = _Call(event.name, rules)
        elif isinstance(event, ArgumentsDelta):
            call = state.calls.get((event.choice, event.index))
            if call is not None:
                call.held.append(event)
                return []
        elif isinstance(event, PartEnded):
            call = state.calls.pop((event.choice, event.index), None)
            if call is not None:
                arguments = "".join([one.json for one in call.held])
                self._judge(ex, call.name, _wrong_argument(call.rules, arguments))
                return [*call.held, event]
        return [event]

    def _rules_for(self, name: str) -> list[_Rule]:
        plain = folded(name)
        return [rest for tools, rest in self._rules if _matches(tools, plain)]

    def _judge(self, ex: Exchange, name: str, reason: str) -> None:
        if not reason:
            return
        self._tell(ex, name, "block", "output", f"tool_call:{name}")
        if not self.config.shadow:
            raise _refusal(name, reason)

    def _tell(self, ex: Exchange, name: str, action: str, direction: str, path: str) -> None:
        shadow = self.config.shadow
        add_verdict(ex, Verdict(self.name, f"tool/{name}"[:120], "policy.tool", action, direction, path, shadow=shadow))
        self._counted("policy.tool", f"shadow_{action}" if shadow else action, direction).add()


def _wrong_argument(rules: list[_Rule], arguments: str) -> str:
    """What is wrong with the arguments of a call; empty when nothing is."""
    try:
        value = decode_once(arguments or "{}")
    except TwiceNamed:
        return "its arguments name a field twice"
    except (ValueError, RecursionError):
        return "its arguments are no JSON"
    for rule, allow, deny in rules:
        found = list(_at(value, rule.argument.casefold().split(".")))
        if not found and rule.required:
            return f"it lacks the argument {rule.argument!r}"
        for one in found:
            text = one if isinstance(one, str) else msgspec.json.encode(one).decode()
            if (allow is not None and allow.fullmatch(text) is None) or (deny is not None and deny.search(text)):
                return f"its argument {rule.argument!r} is not allowed"
    return ""


def _refusal(name: str, reason: str) -> ClientError:
    return ClientError(403, "tool_not_allowed", f"The tool {name[:80]!r} may not be used: {reason}.")


def _compiled(pattern: str | None) -> Any:
    if pattern is None:
        return None
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _at(value: Any, steps: list[str]) -> Any:
    """What stands at a path of folded names; lists are gone through item by item. Some programs read ``To`` as ``to``,
    so both are judged."""
    if isinstance(value, list):
        for one in value:
            yield from _at(one, steps)
    elif not steps:
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name.casefold() == steps[0]:
                yield from _at(inner, steps[1:])
