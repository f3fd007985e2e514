"""Which names are secret."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.records.redaction import is_secret_name, safe_headers, safe_query


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "x-api-key",
        "api_key",
        "apikey",
        "X-Goog-Api-Key",
        "x-auth-token",
        "Set-Cookie",
        "client_secret",
    ],
)
def test_secret_names(name: str) -> None:
    """Keys, tokens, passwords, cookies, however they are spelt."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["content-type", "max_tokens", "x-ratelimit-remaining-tokens", "keyword", "x-team"])
def test_harmless_names(name: str) -> None:
    """Names that only look alike."""
    assert not is_secret_name(name)


def test_repeated_headers_become_a_list() -> None:
    """Nothing is lost, nothing secret is shown."""
    assert safe_headers([("A", "1"), ("a", "2"), ("a", "3"), ("Cookie", "x")]) == {
        "a": ["1", "2", "3"],
        "cookie": "********",
    }


def test_only_values_of_secret_arguments_change() -> None:
    """The rest of a query stays byte for byte, and encoded names are understood."""
    assert safe_query("b=%20&api%5Fkey=k&flag&=x") == "b=%20&api%5Fkey=********&flag&=x"
    assert safe_query("plain") == "plain"
