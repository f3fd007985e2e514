"""Sets of addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.addresses import AddressSet, read_address


def test_addresses_are_read_and_ipv4_inside_ipv6_counts_as_ipv4() -> None:
    assert read_address("1.2.3.4") == read_address("::ffff:1.2.3.4") == (4, 0x01020304)
    assert read_address("::2") == (6, 2)
    assert read_address("") is read_address("1.2.3") is read_address("unix:") is None


def test_ranges_with_host_bits_are_taken_as_their_network() -> None:
    assert "10.9.9.9" in AddressSet(["10.1.2.3/8"])


def test_what_is_no_address_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'nope' is not an IP address or CIDR range"):
        AddressSet(["::1", "nope"])


NETWORKS = st.builds(
    lambda address, bits: str(ipaddress.ip_network((address, bits), strict=False)),
    st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number & 0xF0F0F0F0))),
    st.integers(0, 32),
)


@given(st.lists(NETWORKS, min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_agrees_with_asking_each_network(networks: list[str], number: int) -> None:
    address = ipaddress.IPv4Address(number & 0xF0F0F0FF)
    expected = any(address in ipaddress.ip_network(network) for network in networks)
    assert (str(address) in AddressSet(networks)) is expected
