"""The hooks of one (route, consumer) shape, compiled to tuples once and run for every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from tollhouse.dataplane import plugin as plugin_module
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.plugin import DispatchPlugin, Plugin
from tollhouse.dataplane.records.plugin_times import waited, worked
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


class Dispatcher(Protocol):
    """Sends a request on: a ``DispatchPlugin``, or a route's upstream."""

    async def dispatch(self, ex: Exchange) -> Reply: ...


@dataclass(frozen=True, slots=True)
class BoundPlugin:
    """A plugin as one object configures it."""

    plugin: Plugin[Any]
    priority: int
    holds: Callable[[Exchange], bool] | None = None
    """``_meta.filter``; None runs always."""
    error_body: bytes | None = None
    """``_meta.error_response``."""
    is_global: bool = False

    def runs_for(self, ex: Exchange) -> bool:
        """Whether the filter lets the plugin act on this exchange; decided once per exchange, at its first hook."""
        if self.holds is None:
            return True
        key = f"_filter:{id(self.plugin)}"
        verdict = ex.state.get(key)
        if verdict is None:
            verdict = ex.state[key] = self.holds(ex)
        return bool(verdict)


PluginSet = dict[str, BoundPlugin]
"""Name -> plugin, of one object or merged."""


@dataclass(frozen=True, slots=True)
class RequestHook:
    """One ``request`` hook, ready to call."""

    bound: BoundPlugin
    call: Callable[[Exchange], Any]
    stage: Stage
    plain: bool = False
    """Nothing in ``_meta`` stands between the request and ``call``."""

    def start(self, ex: Exchange) -> Reply | Awaitable[Reply | None] | None:
        """Act, honouring ``_meta``: an answer, or what to await for one, or nothing. Most hooks have nothing to wait
        for, and need no coroutine. Raises GatewayError."""
        bound = self.bound
        if bound.holds is not None and not bound.runs_for(ex):
            return None
        if bound.error_body is not None:
            return self._with_own_errors(ex, bound.error_body)
        if ex.trace is None:
            return self.call(ex)  # type: ignore[no-any-return]
        plugin = self.bound.plugin
        result: Any = worked(plugin, ex, self.call)
        return result if result is None or isinstance(result, Reply) else waited(plugin, ex, result)

    async def run(self, ex: Exchange) -> Reply | None:
        """Act to the end. Raises GatewayError."""
        result = self.start(ex)
        return result if result is None or isinstance(result, Reply) else await result

    async def _with_own_errors(self, ex: Exchange, body: bytes) -> Reply | None:
        try:
            plugin = self.bound.plugin
            result = self.call(ex) if ex.trace is None else worked(plugin, ex, self.call)
            if result is not None and not isinstance(result, Reply):
                result = await waited(plugin, ex, result)
        except GatewayError as error:
            error.body_override = body
            raise
        if isinstance(result, Reply) and result.status >= 400:
            result.body = body
        return result if isinstance(result, Reply) else None


async def run_all(hooks: tuple[RequestHook, ...], ex: Exchange) -> Reply | None:
    """Run hooks in order until one answers. Raises GatewayError."""
    for hook in hooks:
        result = hook.call(ex) if hook.plain and ex.trace is None else hook.start(ex)
        if result is not None:
            reply = result if isinstance(result, Reply) else await result
            if reply is not None:
                return reply
    return None


def _overrides(plugin: Plugin[Any], hook: str) -> bool:
    own = getattr(type(plugin), hook) is not getattr(plugin_module.Plugin, hook)
    return own and hook not in plugin.idle


def _is_late(hook: RequestHook) -> bool:
    """Whether the plugin is known only once the caller is: a consumer's or its group's (APISIX runs those then)."""
    return hook.bound.plugin.place.kind in ("consumers", "consumer_groups")


class Pipeline:
    """Everything that happens to the requests of one (route, consumer) shape. Immutable; shared by exchanges."""

    __slots__ = (
        "ai",
        "answer_judges",
        "before_body",
        "dispatcher",
        "event_hooks",
        "narrow_hooks",
        "needs_document",
        "plugins",
        "record_hooks",
        "reply_hooks",
        "request_hooks",
        "settle_hooks",
    )

    def __init__(self, global_plugins: Iterable[BoundPlugin], own: PluginSet, upstream: Dispatcher | None) -> None:
        bound = [one for one in global_plugins if not (one.plugin.prefer_route and one.plugin.name in own)]
        bound += own.values()
        # APISIX runs global rules before the route's plugins in each phase; inside, higher priority first.
        ordered = sorted(bound, key=lambda one: (one.plugin.stage, not one.is_global, -one.priority))
        self.plugins = tuple(ordered)
        hooks = [
            RequestHook(one, one.plugin.request, one.plugin.stage, one.holds is None and one.error_body is None)
            for one in ordered
            if _overrides(one.plugin, "request")
        ]
        self.before_body = tuple(hook for hook in hooks if hook.stage <= Stage.IDENTIFY and not _is_late(hook))
        """ACCEPT and IDENTIFY: run before the body is read."""
        self.request_hooks = tuple(
            hook for hook in hooks if hook.stage < Stage.DISPATCH and (hook.stage > Stage.IDENTIFY or _is_late(hook))
        )
        """ADMIT to ANSWER; before them what the consumer brings for earlier stages, which it was too late for then."""
        # What goes out passes the stages in reverse.
        self.reply_hooks = tuple(one for one in reversed(ordered) if _overrides(one.plugin, "reply"))
        self.event_hooks: tuple[Callable[[Exchange, Any], list[Any]], ...] = tuple(
            one.plugin.event for one in reversed(ordered) if _overrides(one.plugin, "event")
        )
        self.answer_judges = tuple(one for one in reversed(ordered) if one.plugin.answer_batch is not None)
        """Those that judge answers before anybody sees them."""
        self.settle_hooks = tuple(one.plugin.settle for one in ordered if _overrides(one.plugin, "settle"))
        self.record_hooks = tuple(one for one in ordered if _overrides(one.plugin, "record"))
        self.narrow_hooks = tuple(one.plugin.narrow for one in ordered if _overrides(one.plugin, "narrow"))
        dispatchers = [one.plugin for one in ordered if isinstance(one.plugin, DispatchPlugin)]
        self.dispatcher: Dispatcher | None = dispatchers[0] if dispatchers else upstream
        self.ai = bool(dispatchers) and dispatchers[0].ai
        """Serves a model: clients speak a protocol, and the body is a JSON document."""
        self.needs_document = self.ai or any(one.plugin.needs_document for one in ordered)


def merge(*sets: PluginSet) -> PluginSet:
    """Plugin by plugin, later sets win (no deep merge): service, plugin config, route, group, consumer (APISIX)."""
    merged: PluginSet = {}
    for plugin_set in sets:
        merged.update(plugin_set)
    return merged


def error_body(response: str | dict[str, Any] | None) -> bytes | None:
    """``_meta.error_response`` as bytes."""
    if response is None:
        return None
    return response.encode() if isinstance(response, str) else msgspec.json.encode(response)
