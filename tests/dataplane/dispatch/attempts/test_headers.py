"""Headers over the border, both ways. What providers receive is tested in test_answers too."""

from __future__ import annotations

from tollhouse.dataplane.dispatch.attempts.headers import as_mapping, from_provider, request_target, to_provider
from tollhouse.dataplane.dispatch.choosing.targets import Target
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.registry import provider_types

from tests.support.dispatching import Bench
from tests.support.services import PlainSecrets, request

SECRETS = PlainSecrets({"$env://K": "real"})


def target(kind: str = "anthropic", **more: dict[str, str]) -> Target:
    """A target with a key of its own."""
    auth = more or {"headers": {"x-api-key": "$env://K"}}
    endpoint = build_endpoint(provider_types()[kind], kind, url="http://h", environment={}, **auth)  # type: ignore[arg-type]
    return Target("t", endpoint, "m")


async def test_headers_for_another_vendor_stay(gate: Bench) -> None:
    """``anthropic-beta`` means nothing to OpenAI, and nothing after a translation."""
    ex = request(gate.gateway.snapshot, headers={"anthropic-beta": "x", "openai-beta": "o"})
    openai = target("openai", headers={"authorization": "Bearer $env://K"})
    assert "anthropic-beta" not in dict(to_provider(ex, openai, SECRETS, same=True, stream=False))
    assert dict(to_provider(ex, openai, SECRETS, same=True, stream=False))["openai-beta"] == "o"
    assert "anthropic-beta" not in dict(to_provider(ex, target(), SECRETS, same=False, stream=False))


async def test_whose_account_pays_is_not_for_clients_to_say(gate: Bench) -> None:
    """SDKs send the organization of the client's own key. With ours it would be refused, and our key taken for dead."""
    ex = request(gate.gateway.snapshot, headers={"OpenAI-Organization": "org-theirs", "openai-project": "p"})
    openai = target("openai", headers={"authorization": "Bearer $env://K"})
    sent = dict(to_provider(ex, openai, SECRETS, same=True, stream=False))
    assert not {"openai-organization", "openai-project"} & set(sent)
    configured = target("openai", headers={"authorization": "Bearer $env://K", "openai-organization": "org-ours"})
    assert dict(to_provider(ex, configured, SECRETS, same=True, stream=False))["openai-organization"] == "org-ours"


async def test_plugins_edit_but_cannot_replace_the_key(gate: Bench) -> None:
    """``proxy-rewrite`` sets and removes; the provider's own key comes last."""
    ex = request(gate.gateway.snapshot, headers={"user-agent": "me"})
    ex.upstream_headers = [("x-team", "a"), ("user-agent", None), ("x-api-key", "stolen")]
    sent = dict(to_provider(ex, target(), SECRETS, same=True, stream=True))
    assert (sent["x-team"], sent["x-api-key"], sent["accept"]) == ("a", "real", "text/event-stream")
    assert "user-agent" not in sent


async def test_a_key_may_travel_in_the_query(gate: Bench) -> None:
    """Encoded, beside the client's own meaningful arguments."""
    ex = request(gate.gateway.snapshot, query="beta=true&key=client&x=1")
    line = request_target(ex, target(query={"key": "$env://K"}), "anthropic_messages", SECRETS, same=True)
    assert line == "/v1/messages?beta=true&key=real"
    assert request_target(ex, target(), "anthropic_messages", SECRETS, same=False) == "/v1/messages"


def test_what_comes_back() -> None:
    """Pacing and the provider's request id; no cookies, no server names."""
    pairs = [("retry-after", "1"), ("set-cookie", "a"), ("request-id", "r"), ("anthropic-ratelimit-x", "2"), ("a", "1")]
    assert from_provider(pairs) == [
        ("retry-after", "1"),
        ("x-tollhouse-upstream-request-id", "r"),
        ("anthropic-ratelimit-x", "2"),
    ]
    assert as_mapping([("a", "1"), ("a", "2")]) == {"a": "1"}
