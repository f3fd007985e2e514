"""Embeddings pass to who speaks them and to nobody else."""

from __future__ import annotations

import json

import pytest
from openai.types import CreateEmbeddingResponse
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.errors import ClientError, UpstreamError
from tollhouse.dataplane.protocol import ReplyContext

from tests.support.protocols import decoded, document, protocol

NAME = "openai_embeddings"
REPLY = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


def test_requests_are_recognised_and_looked_into() -> None:
    assert protocol(NAME).claims("/v1/embeddings", None)
    peek = protocol(NAME).peek(document({"model": "m", "input": ["a"], "user": "u", "encoding_format": "base64"}))
    assert (peek.model, peek.user, peek.stream) == ("m", "u", False)
    body = document({"model": "m", "input": "a"})
    assert protocol(NAME).passthrough_edits(body, []) is False
    assert body.encode() is body.raw


@pytest.mark.parametrize("body", [{"model": "m"}, {"model": "m", "input": 7}, {"model": "m", "input": []}])
def test_a_mistake_is_named(body: dict) -> None:
    with pytest.raises(ClientError) as caught:
        protocol(NAME).peek(document(body))
    assert caught.value.param == "input"


def test_no_other_format_carries_them() -> None:
    with pytest.raises(ClientError):
        protocol(NAME).decode_request(document({"model": "m", "input": "a"}))
    with pytest.raises(ClientError):
        protocol(NAME).encode_request(decoded("openai_chat"), max_output_tokens=None)


def test_replies_are_counted_and_given_on() -> None:
    raw = json.dumps(REPLY).encode()
    assert protocol(NAME).read_usage(raw) == (Usage(input_tokens=8), "text-embedding-3-small")
    body = protocol(NAME).encode_reply(protocol(NAME).decode_reply(raw), ReplyContext(model="asked-for"))
    assert json.loads(body) == {**REPLY, "model": "asked-for"}
    CreateEmbeddingResponse.model_validate_json(body)
    for broken in (b"x", b"[]", b'{"data": 1}'):
        with pytest.raises(UpstreamError):
            protocol(NAME).decode_reply(broken)
