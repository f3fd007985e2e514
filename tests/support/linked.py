"""Two ends of a link in one process, and workers' counters with the authority behind them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from tollhouse.dataplane.runtime.counts.authority import Authority
from tollhouse.dataplane.runtime.counts.counters import LinkedCounters
from tollhouse.dataplane.runtime.link.link import Link
from tollhouse.dataplane.runtime.link.messages import Done, Message, Settle, Take

Told = Callable[[Message], None]
Asked = Callable[[Message], Message | Awaitable[Message]]


def ignore(message: Message) -> None:
    """Takes no notice."""


def answer_done(message: Message) -> Message:
    """Has nothing to say."""
    return Done()


async def linked(
    told: Told = ignore,
    asked: Asked = answer_done,
    *,
    here_told: Told = ignore,
    lost: Callable[[], None] = lambda: None,
) -> tuple[Link, Link]:
    """Our end, and the other one (which tells and answers as given)."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    for one in (ours, theirs):
        one.setblocking(False)
    _, here = await loop.create_unix_connection(lambda: Link(here_told, answer_done, lost), sock=ours)
    _, there = await loop.create_unix_connection(lambda: Link(told, asked, lambda: None), sock=theirs)
    return here, there


async def counting_worker(authority: Authority) -> tuple[LinkedCounters, Link]:
    """A worker's counters, and its link to the authority."""

    def told(message: Message) -> None:
        assert isinstance(message, Settle)
        authority.settle(message)

    def asked(message: Message) -> Message | Awaitable[Message]:
        assert isinstance(message, Take)
        return authority.take(message)

    here, _ = await linked(told, asked)
    return LinkedCounters(lambda: here), here
