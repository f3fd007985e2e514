"""Whatever a client may say in its own format, another provider takes what becomes of it, or it is refused by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.validate import ParamValidator
from tollhouse.cli.simulator.anthropic_wire import read_messages
from tollhouse.cli.simulator.ask import Refusal
from tollhouse.cli.simulator.gemini_wire import read_generate
from tollhouse.cli.simulator.openai_wire import read_chat
from tollhouse.cli.simulator.responses_wire import read_responses
from tollhouse.dataplane.errors import ClientError

from tests.dataplane.protocols.bedrock_converse.test_official import CONVERSE, given_to_botocore
from tests.support.legal_requests import PICTURE, URL, Maker
from tests.support.protocols import document, protocol

HOW_MANY = 250


def _chat(body: Any) -> None:
    """Under the name OpenAI's provider gives the limit."""
    if "max_tokens" in body:
        body = {name: value for name, value in body.items() if name != "max_tokens"} | {"max_completion_tokens": 99}
    read_chat(body)


def _gemini(body: Any) -> None:
    read_generate({name: value for name, value in body.items() if name != "model"})


def _converse(body: Any) -> None:
    """What botocore's model says, and what it does not."""
    report = ParamValidator().validate({"modelId": "m", **given_to_botocore(body)}, CONVERSE.input_shape)
    roles = [turn["role"] for turn in body["messages"]]
    texts = [block["text"] for turn in body["messages"] for block in turn["content"] if "text" in block]
    if (
        report.has_errors()
        or roles[0] != "user"
        or any(map(str.__eq__, roles, roles[1:]))
        or not all(text.strip() for text in texts)
    ):
        raise Refusal(400, report.generate_report() or f"turns: {roles}")


TAKES: dict[str, Callable[[Any], Any]] = {
    "openai_chat": _chat,
    "anthropic_messages": read_messages,
    "openai_responses": read_responses,
    "gemini_generate": _gemini,
    "bedrock_converse": _converse,
}


@pytest.mark.parametrize("client", [name for name in TAKES if name != "bedrock_converse"])
def test_what_becomes_of_a_legal_request_is_legal(client: str) -> None:
    """The simulators read as strictly as the providers; what they refuse of the client's own is not asked."""
    maker, legal = Maker(7), 0
    refusals: list[ClientError] = []
    outcomes: Counter[str] = Counter()
    for _ in range(HOW_MANY):
        body = maker.make(client)
        try:
            TAKES[client](body)
        except Refusal:
            continue
        legal += 1
        chat = protocol(client).decode_request(document(body))
        for target in TAKES:
            if target == client:
                continue
            try:
                encoded = protocol(target).encode_request(chat, max_output_tokens=8192)
            except ClientError as error:
                refusals.append(error)
                continue
            try:
                TAKES[target](json.loads(json.dumps(encoded.body)))
            except Refusal as refused:
                pytest.fail(f"{target}: {refused.message}\n{json.dumps(body)[:2000]}")
            outcomes[target] += 1
    assert [error.message for error in refusals if error.status != 400 or not error.param] == []
    assert legal > HOW_MANY // 4
    assert min(outcomes.values()) > HOW_MANY // 8


@pytest.mark.parametrize("target", [name for name in TAKES if name != "openai_responses"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_the_system_shows_is_shown_by_the_user(target: str, place: int) -> None:
    """Responses take pictures there, nobody else does; none is lost."""
    shown = [{"type": "input_text", "text": "Look."}, {"type": "input_image", "image_url": URL, "detail": "auto"}]
    items = [{"role": "user", "content": "x"}]
    items.insert(place, {"role": "developer", "content": shown})  # type: ignore[dict-item]
    chat = protocol("openai_responses").decode_request(document({"model": "m", "input": items}))
    encoded = protocol(target).encode_request(chat, max_output_tokens=None)
    TAKES[target](encoded.body)
    assert json.dumps(encoded.body).count(PICTURE[:40]) == 1
    assert "Look." in json.dumps(encoded.body)
    assert encoded.dropped == []
