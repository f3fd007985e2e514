"""How long plugins took over a traced exchange: each that waited or worked long enough becomes a span of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.plugin import Plugin

NOTED_S = 0.0002
"""Shorter work gets no span: most hooks look at a header and are gone, and their spans would bury the others."""

T = TypeVar("T")


@dataclass(slots=True)
class PluginTime:
    """What one plugin spent on one exchange, at the request or over its answer."""

    name: str
    hook: Literal["request", "answer"]
    began_s: float
    ended_s: float
    busy_s: float
    """Less than the time between begin and end where the plugin acts on a stream, piece by piece."""


def worked(plugin: Plugin[Any], ex: Exchange, call: Callable[[Exchange], T]) -> T:
    """``call``'s result, its time noted. What is to be awaited is not awaited here."""
    clock = plugin.services.clock
    began_s = clock.monotonic()
    try:
        return call(ex)
    finally:
        _note(ex, plugin.name, "request", began_s, clock.monotonic())


async def waited(
    plugin: Plugin[Any], ex: Exchange, result: Awaitable[T], hook: Literal["request", "answer"] = "request"
) -> T:
    """What was waited for, its time noted where the exchange is traced."""
    if ex.trace is None:
        return await result
    clock = plugin.services.clock
    began_s = clock.monotonic()
    try:
        return await result
    finally:
        _note(ex, plugin.name, hook, began_s, clock.monotonic())


def _note(ex: Exchange, name: str, hook: Literal["request", "answer"], began_s: float, ended_s: float) -> None:
    if ended_s - began_s >= NOTED_S:
        ex.plugin_times.append(PluginTime(name, hook, began_s, ended_s, ended_s - began_s))


EventHook = Callable[["Exchange", Any], list[Any]]


def timed_events(ex: Exchange, hooks: tuple[EventHook, ...]) -> tuple[EventHook, ...]:
    """The event hooks of plugins, each adding up what it spends on the answer's pieces. As they are where the
    exchange's spans are not sampled: an answer has thousands of pieces."""
    if ex.trace is None or not ex.trace.sampled:
        return hooks
    return tuple(_timed(ex, hook) for hook in hooks)


def _timed(ex: Exchange, hook: EventHook) -> EventHook:
    plugin = getattr(hook, "__self__", None)
    if plugin is None:
        return hook
    clock = plugin.services.clock
    spent: PluginTime | None = None
    listed = False

    def run(exchange: Exchange, event: Any) -> list[Any]:
        nonlocal spent, listed
        began_s = clock.monotonic()
        try:
            return hook(exchange, event)
        finally:
            ended_s = clock.monotonic()
            if spent is None:
                spent = PluginTime(plugin.name, "answer", began_s, ended_s, 0.0)
            spent.ended_s = ended_s
            spent.busy_s += ended_s - began_s
            if not listed and spent.busy_s >= NOTED_S:
                ex.plugin_times.append(spent)
                listed = True

    return run
