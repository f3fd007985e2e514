"""Has the rest of a broken answer said by another target, within what is left of its request's time and tries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from tollhouse.dataplane.dispatch.attempts.continuing import Broken, take_up
from tollhouse.dataplane.dispatch.attempts.journey import Hop, Journey
from tollhouse.dataplane.dispatch.attempts.trial import Books
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.engine.paths import takers
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.reply import Reply

Ask = Callable[[Journey, Hop], Coroutine[Any, Any, Reply | UpstreamFailure]]


async def resume(
    ask: Ask, books: Books, journey: Journey, failed: Target, broken: Broken
) -> AsyncIterator[bytes] | None:
    """The rest; None where nobody can say it, or who could fails as well."""
    ex, plan = journey.ex, journey.plan
    now = books.clock.monotonic()
    if journey.left_s(now) <= 0 or len(ex.attempts) >= journey.most_tries:
        return None
    index = next(index for index, one in enumerate(plan.targets) if one is failed)
    named = (plan.targets[one] for one in takers(index, len(plan.targets), plan.main, plan.chains))
    fit = (one for one in named if one.key != failed.key and books.states.of(one).permits(now))
    other = next((one for one in fit if one.prefills), None)
    if other is None:
        return None
    take_up(ex, broken)
    books.moved_on(ex, failed.name, other.name, "continued")
    try:
        outcome = await ask(journey, Hop(other, False))
    except GatewayError:
        return None
    return outcome.stream if isinstance(outcome, Reply) else None
