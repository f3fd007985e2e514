"""Signatures, byte for byte those of botocore, for whatever is signed; and whole requests, those its client sends."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, urlencode

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse.dataplane.dispatch.setup.endpoints import build_endpoint
from tollhouse.dataplane.engine.sigv4 import AwsKey, sign
from tollhouse.dataplane.registry import provider_types

NOW = 1_764_046_800.0
SEGMENT = st.text(
    st.characters(codec="ascii", exclude_characters="/?#%&=+ \\", categories=("L", "N", "P")), max_size=12
)
MODELS = (
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-5-v1:0",
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123",
)


def at(moment: float) -> Any:
    """botocore with its clock stopped."""
    return patch.object(botocore.auth, "get_current_datetime", lambda: datetime.utcfromtimestamp(moment))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(SEGMENT, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["a", "b-c", "X_1", "list-type"]), SEGMENT, max_size=3),
    st.binary(max_size=200),
    st.sampled_from(["", "a+token/with=signs"]),
    st.sampled_from(["text/plain", "application/json", "a  b   c"]),
)
def test_the_header_is_botocores(
    segments: list[str], query: dict[str, str], body: bytes, token: str, kind: str
) -> None:
    path = "/" + "/".join(quote(one, safe="-_.~") for one in segments if one not in (".", ".."))
    path = re.sub("/+", "/", path)
    target = f"{path}?{urlencode(query)}" if query else path
    request = AWSRequest("POST", f"https://h.example{target}", {"content-type": kind}, body)
    with at(NOW):
        botocore.auth.SigV4Auth(Credentials("AKID", "secret", token or None), "bedrock", "eu-west-1").add_auth(request)
    key = AwsKey("AKID", "secret", "eu-west-1", "bedrock", token)
    ours = dict(sign(key, "POST", target, {"host": "h.example", "content-type": kind}, body, NOW))
    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert ours == {name: theirs[name] for name in ours}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_the_one_botocores_client_sends(model: str, stream: bool) -> None:
    """Address, path and signature, for every way a model is named."""
    caught: list[Any] = []

    def catch(request: Any, **_: Any) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 500, {}, None)

    session = botocore.session.get_session()
    session.set_credentials("AKID", "secret")
    client = session.create_client("bedrock-runtime", region_name="eu-west-1")
    client.meta.events.register("before-send", catch)
    ask = client.converse_stream if stream else client.converse
    with at(NOW), pytest.raises(Exception):  # noqa: B017 - nobody answers; what was sent is what is looked at
        ask(modelId=model, messages=[{"role": "user", "content": [{"text": "hi"}]}])
    sent = caught[0]
    bedrock = provider_types()["bedrock"]
    endpoint = build_endpoint(bedrock, "bedrock", url=bedrock.locate("eu-west-1", ""))
    target = endpoint.target("bedrock_converse", model, stream=stream)
    assert sent.url == f"https://{endpoint.origin.host}{target}"
    signed = {"host": endpoint.origin.host, "content-type": "application/json"}
    ours = dict(sign(AwsKey("AKID", "secret", "eu-west-1", "bedrock"), "POST", target, signed, sent.body, NOW))
    theirs = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()
    }
    assert ours["authorization"] == theirs["authorization"]
