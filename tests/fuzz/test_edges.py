"""Foul bytes at the edges: every interface's body, forms, tokens, sealed values, judges, configs and policies."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from typing import Any

import msgspec
import tollhouse.dataplane.registry as registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.dispatch.replies.events import to_events
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.engine.quota_headers import headroom
from tollhouse.dataplane.errors import ClientError, GatewayError
from tollhouse.dataplane.guarding.judges import read_contract, read_model, read_openai
from tollhouse.dataplane.guarding.outside import Unjudged
from tollhouse.dataplane.protocols._bodies import read_body
from tollhouse.dataplane.records.agent_hints import agent_of, session_of
from tollhouse.dataplane.registry import protocols_by_name, provider_types
from tollhouse.dataplane.runtime.upstream.framing import request_head
from tollhouse.dataplane.transport import TransportError
from tollhouse.proto import tokens
from tollhouse.proto.check import check_object
from tollhouse.proto.destinations import unreachable
from tollhouse.proto.fleet import decode_registration
from tollhouse.proto.reachable import Reachable
from tollhouse.proto.resources import KINDS
from tollhouse.proto.sealing import Sealer, SealingError, generate_key

from tests.fuzz.test_decoders import JSON, MIXED, TEXT
from tests.support.prompts import configured, exchange

FUZZ = settings(
    max_examples=int(os.environ.get("TOLLHOUSE_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
OBJECT = st.dictionaries(st.text(max_size=8), JSON, max_size=5)
FIELDS = st.sampled_from(
    ["model", "messages", "input", "prompt", "contents", "content", "tools", "role", "type", "usage", "choices",
     "error", "functionDeclarations", "name", "arguments", "results", "endpoint", "nodes", "plugins", "metadata",
     "keys"]
)  # fmt: skip
SHAPED = st.recursive(JSON, lambda inner: st.dictionaries(FIELDS, inner, max_size=4) | st.lists(inner, max_size=3))
SERVED = st.sampled_from(sorted(set(protocols_by_name()) - {"bedrock_converse"}))
SEALER = Sealer.from_text(generate_key())
POLICIES = [
    configured("ai-tool-policy", allow=["a*"], side_effects=["b"], arguments=[{"argument": "a.b", "allow": "x"}]),
    configured("ai-data-policy", rules=[{"fields": ["$..a", "name"], "action": "mask"}]),
]


@FUZZ
@given(st.dictionaries(FIELDS, SHAPED, max_size=5), SERVED)
def test_every_interface_reads_or_refuses_any_object(body: dict[str, Any], name: str) -> None:
    """The small ones too: completions, embeddings, counting."""
    protocol = protocols_by_name()[name]
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    with contextlib.suppress(ClientError):
        document = RequestDocument(raw)
        protocol.claims("/v1/chat/completions", document)
        protocol.peek(document)
        protocol.passthrough_edits(document.copy(), [])
        protocol.decode_request(document)
    with contextlib.suppress(GatewayError):
        protocol.read_usage(raw)
        list(to_events(protocol.decode_reply(raw)))


@FUZZ
@given(MIXED, TEXT)
def test_forms_and_bodies_of_any_kind(raw: bytes, kind: str) -> None:
    """A document that comes out as it came in, or a refusal."""
    form = b'--b\r\nContent-Disposition: form-data; name="' + raw + b'"\r\n\r\nx\r\n--b--'
    for body, content_type in ((raw, kind), (form, "multipart/form-data; boundary=b")):
        with contextlib.suppress(ClientError):
            read_body(body, content_type).copy().encode()


@FUZZ
@given(SHAPED, st.sampled_from(sorted(provider_types())), st.integers(400, 599))
def test_failures_of_providers(body: Any, name: str, status: int) -> None:
    """Whatever a provider says, it is a failure with a class."""
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    failure = provider_types()[name].read_failure(status, {"retry-after": str(body)[:20]}, raw)
    assert failure.failure_class in ("retry", "next", "final")
    headroom([("x-ratelimit-remaining-requests", str(body)[:20]), ("x-ratelimit-limit-requests", "1")])


@FUZZ
@given(TEXT, st.dictionaries(st.sampled_from(["alg", "kid", "typ", "exp", "aud", "iss"]), JSON))
def test_tokens_and_sealed_values(text: str, claims: dict[str, Any]) -> None:
    """Refused in their own words."""
    part = msgspec.json.encode(json.loads(json.dumps(claims).encode("utf-8", "replace")))
    encoded = base64.urlsafe_b64encode(part).decode().rstrip("=")
    for token in (text, f"{encoded}.{encoded}.{encoded}", f"{encoded}.{text}."):
        with contextlib.suppress(tokens.TokenError):
            tokens.read_head(token)
        with contextlib.suppress(tokens.TokenError):
            tokens.check_times(tokens.unverified_claims(token), 1.0)
    for key_set in (claims, {"keys": [claims]}, {"keys": claims}):
        with contextlib.suppress(tokens.TokenError):
            tokens.KeySet.read(key_set)
    if SEALER is not None:
        with contextlib.suppress(SealingError):
            SEALER.open(f"$sealed://{text}")


@FUZZ
@given(SHAPED)
def test_judges_and_nodes(told: Any) -> None:
    """An answer that is none is told as such."""
    for read in (read_contract, read_model, lambda one: read_openai(one, {}), lambda one: read_openai(one, {"a": 0.5})):
        with contextlib.suppress(Unjudged):
            read(told)
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        decode_registration(json.dumps(told).encode("utf-8", "surrogatepass"))


@FUZZ
@given(st.sampled_from(sorted(KINDS)), st.dictionaries(FIELDS, SHAPED, max_size=5))
def test_objects_of_the_configuration(kind: str, value: dict[str, Any]) -> None:
    """Problems, never an accident."""
    assert isinstance(check_object(kind, "x", value, registry), list)
    unreachable(value, "x", Reachable())


@FUZZ
@given(TEXT, TEXT, TEXT)
def test_heads_that_are_sent(target: str, name: str, value: str) -> None:
    """A head of ours has the lines that were meant, or is not sent."""
    with contextlib.suppress(TransportError):
        assert request_head("POST", target, "h", [(name, value)], 3).count(b"\r\n") == 5
    Reachable().may_name(target)


@FUZZ
@given(st.dictionaries(FIELDS, SHAPED, max_size=5))
def test_policies_and_hints(body: dict[str, Any]) -> None:
    """Any request is brought in line or refused."""
    raw = json.loads(json.dumps(body).encode("utf-8", "replace"))
    for policy in POLICIES:
        with contextlib.suppress(ClientError):
            ex = exchange(raw)
            found = policy.request(ex)
            if found is not None:
                found.close()
            assert ex.document is not None
            ex.document.encode()
            agent_of(ex)
            session_of(ex)
