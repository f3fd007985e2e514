"""Addresses and keys of vendors."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.registry import provider_types

from tests.support.services import PlainSecrets

OPENAI = provider_types()["openai"]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("", "/v1/chat/completions"),
        ("http://h:1", "/v1/chat/completions"),
        ("http://h:1/", "/v1/chat/completions"),
        ("http://h:1/v1", "/v1/chat/completions"),
        ("http://h:1/v1/", "/v1/chat/completions"),
        ("http://h:1/own/path?x=1", "/own/path?x=1"),
        ("http://h:1?x=1", "/v1/chat/completions?x=1"),
    ],
)
def test_a_path_of_its_own_is_used_as_it_is(url: str, line: str) -> None:
    """Scheme and host get the vendor's path; so does the beginning of that path, as SDKs write base addresses."""
    assert build_endpoint(OPENAI, "x", url=url, environment={}).target("openai_chat") == line


def test_the_usual_key_is_used_when_none_is_given() -> None:
    """By reference, in the vendor's header; an auth of one's own replaces it."""
    usual = build_endpoint(OPENAI, "x", environment={})
    assert usual.headers == (("authorization", "Bearer $env://OPENAI_API_KEY"),)
    assert usual.revealed(PlainSecrets({"$env://OPENAI_API_KEY": "k\n"})) == [("authorization", "Bearer k")]
    own = build_endpoint(OPENAI, "x", headers={"X-Key": "plain"}, environment={})
    assert own.headers == (("x-key", "plain"),)
    assert build_endpoint(OPENAI, "x", query={"key": "q"}, environment={}).headers == ()


@pytest.mark.parametrize("value", ["pa$$word", "Bearer abc$def", "plain", "$"])
def test_a_dollar_sign_in_a_plain_value_is_left_alone(value: str) -> None:
    """Only a reference, alone or behind a scheme word, is looked up."""
    assert PlainSecrets().reveal_header(value) == value


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://h:99999"])
def test_a_bad_address_is_named(url: str) -> None:
    """The message says which address."""
    with pytest.raises(ValueError, match="endpoint"):
        build_endpoint(OPENAI, "x", url=url, environment={})


def test_a_vendor_without_address_needs_one() -> None:
    """An OpenAI-compatible server can be anywhere."""
    with pytest.raises(ValueError, match="configure an endpoint"):
        build_endpoint(provider_types()["openai-compatible"], "x", environment={})
    moved = build_endpoint(
        provider_types()["openai-compatible"], "x", environment={"TOLLHOUSE_ENDPOINT_OPENAI_COMPATIBLE": "http://h:5"}
    )
    assert moved.origin.port == 5
