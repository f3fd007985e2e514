"""What a node never connects to, by whatever name or spelling."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.runtime.upstream.resolver import Resolver
from tollhouse.dataplane.transport import TransportError
from tollhouse.proto.reachable import Reachable


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
     "2002:a9fe:a9fe::1", "[fe80::1]", "no address"],
)  # fmt: skip
def test_metadata_addresses_are_refused(address: str) -> None:
    """Mapped and scoped spellings too."""
    assert not Reachable().may(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.8", "192.168.1.5", "93.184.216.34", "fd12::1"])
def test_local_models_stay_reachable(address: str) -> None:
    """Loopback and private networks are where they are."""
    assert Reachable().may(address)


def test_the_operator_has_the_last_word() -> None:
    """More may be refused, and exceptions made."""
    told = {"TOLLHOUSE_UNREACHABLE": "10.0.0.0/8", "TOLLHOUSE_REACHABLE": "169.254.169.254/32"}
    reachable = Reachable.from_environment(told)
    assert not reachable.may("10.1.2.3")
    assert reachable.may("169.254.169.254")
    assert not reachable.may("169.254.1.1")
    with pytest.raises(ValueError, match="TOLLHOUSE_UNREACHABLE"):
        Reachable.from_environment({"TOLLHOUSE_UNREACHABLE": "ten"})


class Rebinding(Resolver):
    """A name server that answers with another address the second time."""

    turn = 0

    async def lookup(self, host: str, port: int) -> list[str]:
        self.turn += 1
        return ["93.184.216.34"] if self.turn == 1 else ["169.254.169.254"]


async def test_a_name_that_turns_is_refused_when_it_turned() -> None:
    """The address is judged each time it is used, not when the configuration was written."""
    resolver = Rebinding(ttl_s=0)
    assert await resolver.resolve("api.example.net", 443) == ("93.184.216.34",)
    with pytest.raises(TransportError, match="not one a node may connect to"):
        await resolver.resolve("api.example.net", 443)


async def test_literal_addresses_are_judged_too() -> None:
    """As a configuration may name them, in any spelling a URL takes."""
    for host in ("169.254.169.254", "[fe80::1]", "::ffff:a9fe:a9fe"):
        with pytest.raises(TransportError):
            await Resolver().resolve(host, 80)
    assert await Resolver().resolve("127.0.0.1", 80) == ("127.0.0.1",)
