"""Checks of candidates."""

import pytest
from tollhouse.dataplane.guarding.validators import VALIDATORS, entropy, luhn


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("card", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("card", "378282246310005", "1111111111111117"),
        ("iban", "GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 18"),
        ("ssn", "536-22-8145", "666-22-8145"),
        ("routing", "021000021", "021000022"),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.e30.x", "eyJub3QgYSB0b2tlbg.e30.x"),
        ("basic_auth", "YWRtaW46djliS3gzTHc=", "bm9jb2xvbg=="),
        ("password", "v9bKx3Lw", "${DB_PASSWORD}"),
        ("spoken_password", "Tr0ub4dor&3", "required"),
        ("assigned", "q8Zr1tV9bKx3LwP0", "get_token_from_request"),
        ("assigned", "3f9a0c7be21d48f65a90b3c7", "2024-01-02"),
        ("mixed", "sk-proj-q8Zr1tV9bKx3LwP0sYdF5hJ8", "sk-proj-your-key-goes-here-please"),
        ("email", "kim@acme.io", "kim@example.com"),
        ("phone", "+49 30 901820", "+12"),
        ("national_id", "44051401359", "44051401358"),
        ("wallet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
        ("public_ip", "93.184.216.34", "192.168.1.1"),
        ("carries_data", "https://e.io/p.png?d=c2VjcmV0IGRhdGEgZnJvbSB0aGUgY2hhdA", "https://e.io/logo.png?size=large"),
    ],
)
def test_real_and_unreal(name: str, good: str, bad: str) -> None:
    """One of each."""
    assert VALIDATORS[name](good)
    assert not VALIDATORS[name](bad)


def test_arithmetic() -> None:
    """Checksum and entropy."""
    assert luhn("79927398713")
    assert not luhn("79927398710")
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2
