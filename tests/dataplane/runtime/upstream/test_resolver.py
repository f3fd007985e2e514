"""Names become addresses, once, and stay known while DNS is down."""

from __future__ import annotations

import asyncio

import pytest
from tollhouse.dataplane.runtime.upstream.resolver import Resolver
from tollhouse.dataplane.transport import TransportError


class Names(Resolver):
    """A resolver whose DNS is a table; an absent name fails."""

    def __init__(self, table: dict[str, list[str]], **limits: float) -> None:
        super().__init__(**limits)
        self.table = table
        self.asked = 0

    async def lookup(self, host: str, port: int) -> list[str]:
        self.asked += 1
        await asyncio.sleep(0)
        if host not in self.table:
            raise OSError("name or service not known")
        return self.table[host]


async def test_addresses_are_taken_as_they_are():
    resolver = Names({})
    assert await resolver.resolve("127.0.0.1", 80) == ("127.0.0.1",)
    assert await resolver.resolve("[::1]", 80) == ("::1",)
    assert resolver.asked == 0


async def test_many_who_ask_at_once_cause_one_question():
    resolver = Names({"a": ["10.0.0.1"]})
    assert set(await asyncio.gather(*(resolver.resolve("a", 80) for _ in range(9)))) == {("10.0.0.1",)}
    assert resolver.asked == 1


async def test_families_alternate_and_load_spreads():
    resolver = Names({"a": ["::1", "::2", "10.0.0.1", "10.0.0.2"]})
    first, second = await resolver.resolve("a", 80), await resolver.resolve("a", 80)
    assert set(first) == set(second) == {"::1", "::2", "10.0.0.1", "10.0.0.2"}
    assert first[0] != second[0]
    assert ":" in first[0]
    assert ":" in second[0]


async def test_an_old_answer_serves_while_dns_is_down():
    resolver = Names({"a": ["10.0.0.1"]}, ttl_s=0.0)
    await resolver.resolve("a", 80)
    resolver.table.clear()
    assert await resolver.resolve("a", 80) == ("10.0.0.1",)
    assert resolver.asked == 2


async def test_an_unknown_name_is_a_dns_failure():
    with pytest.raises(TransportError) as caught:
        await Names({}).resolve("a", 80)
    assert caught.value.phase == "dns"


async def test_a_name_that_is_none_is_a_dns_failure():
    with pytest.raises(TransportError) as caught:
        await Resolver().resolve("a" * 300 + ".invalid", 80)
    assert caught.value.phase == "dns"
