"""What vendors of OpenAI's format are sent of what clients say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.dialect import OPENAI_ONLY, Dialect
from tollhouse.dataplane.dispatch.attempts.fitting import fit, without_call_ids
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.registry import provider_types

from tests.support.dispatching import bench
from tests.support.legal_requests import Maker
from tests.support.protocols import document, protocol
from tests.support.providers import OPENAI_STREAM, providers, stream

MISTRAL_TAKES = {
    *("model", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata", "messages"),
    *("response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "n", "prediction"),
    *("parallel_tool_calls", "prompt_mode", "reasoning_effort", "safe_prompt"),
}
"""The fields of ``ChatCompletionRequest`` in its OpenAPI document; it forbids others."""

KEY = {"header": {"authorization": "Bearer of-mistral"}}
CALLED = {"role": "assistant", "tool_calls": [{"id": "toolu_01A09q90qw90lq917835lq9", "type": "function"}]}
HISTORY: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "name": "ann", "content": "hi"},
    {**CALLED, "content": None, "refusal": None, "annotations": [], "audio": None, "reasoning_content": "Hm."},
    {"role": "tool", "tool_call_id": "toolu_01A09q90qw90lq917835lq9", "content": "1"},
]
EVERYTHING: dict[str, Any] = {
    "model": "m",
    "messages": HISTORY,
    "stream": True,
    "stream_options": {"include_usage": True},
    "seed": 7,
    "max_completion_tokens": 9,
    "user": "u",
    "logprobs": True,
    "top_logprobs": 2,
    "logit_bias": {"1": 1},
    "n": 1,
    "store": False,
    "metadata": {"a": "b"},
    "service_tier": "auto",
    "reasoning_effort": "low",
    "verbosity": "low",
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "modalities": ["text"],
    "parallel_tool_calls": True,
}


def fitted(vendor: str, body: dict[str, Any], *, translated: bool = False) -> tuple[dict[str, Any], list[str]]:
    dialect = provider_types()[vendor].dialect
    assert dialect is not None
    document = RequestDocument(json.dumps(body).encode())
    dropped = fit(document, dialect, translated=translated)
    return json.loads(document.encode()), dropped


def test_mistral_is_sent_nothing_its_validator_forbids() -> None:
    """Other names for some fields, nine letters for ids of calls, and no echo of what OpenAI's answers hold."""
    sent, dropped = fitted("mistral", EVERYTHING)
    assert set(sent) <= MISTRAL_TAKES
    assert (sent["max_tokens"], sent["random_seed"], sent["reasoning_effort"]) == (9, 7, "low")
    system, user, assistant, tool = sent["messages"]
    assert (system["role"], set(user), set(assistant)) == ("system", {"role", "content"}, {*CALLED, "content"})
    assert tool["tool_call_id"] == assistant["tool_calls"][0]["id"]
    assert (len(tool["tool_call_id"]), tool["tool_call_id"].isalnum()) == (9, True)
    assert {"user", "logprobs", "messages.name", "messages.reasoning_content"} <= set(dropped)
    assert not {"stream_options", "messages.refusal"} & set(dropped)
    assert fitted("mistral", {"messages": [{"role": "tool", "tool_call_id": "D681PevKs"}]})[0]["messages"] == [
        {"role": "tool", "tool_call_id": "D681PevKs"}
    ]


def test_mistral_hears_its_model_between_results_and_what_comes_after_them() -> None:
    """Claude Code speaks in the turn in which it gives results back."""
    talk: list[Any] = [*HISTORY, HISTORY[-1], {"role": "user", "content": "go on"}, 7]
    sent, _ = fitted("mistral", {"messages": talk})
    roles = [one["role"] for one in sent["messages"][:-1]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "assistant", "user"]
    assert [one["role"] for one in fitted("mistral", {"messages": HISTORY})[0]["messages"]][-1] == "tool"


def test_what_only_some_models_take_passes_where_the_client_itself_said_it() -> None:
    """A translation leaves it out: agents ask every model to think."""
    assert fitted("xai", {"reasoning_effort": "low", "messages": []}) == (
        {"reasoning_effort": "low", "messages": []},
        [],
    )
    assert fitted("xai", {"reasoning_effort": "low", "messages": []}, translated=True) == (
        {"messages": []},
        ["reasoning_effort"],
    )


def test_groq_is_sent_no_fields_it_names_unsupported() -> None:
    sent, dropped = fitted("groq", EVERYTHING)
    assert not {"logprobs", "top_logprobs", "logit_bias", "store"} & set(sent)
    assert [set(one) & {"name", "reasoning_content", "refusal"} for one in sent["messages"]] == [set()] * 4
    assert "stream_options" in sent
    assert "logprobs" in dropped


def test_deepseek_is_told_the_schema_it_cannot_be_given() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "required": ["a"]}}}
    said = [{"role": "user", "content": "x"}]
    sent, dropped = fitted("deepseek", {"messages": said, "response_format": form, "max_completion_tokens": 5})
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["messages"][0] == said[0]
    assert '"required":["a"]' in sent["messages"][1]["content"]
    assert (sent["max_tokens"], dropped) == (5, ["response_format.json_schema"])


@pytest.mark.parametrize("vendor", sorted(name for name, one in provider_types().items() if one.dialect is not None))
def test_what_needs_no_edit_stays_the_bytes_it_was(vendor: str) -> None:
    """Prompt caches of providers hang on it."""
    raw = b'{"model": "m" , "messages":[ {"role":"user","content":"\\u00e9 developer"} ], "max_tokens":5, "own": 1e2}'
    document = RequestDocument(raw)
    dialect = provider_types()[vendor].dialect
    assert dialect is not None
    assert fit(document, dialect, translated=False) == []
    assert document.encode() == raw


def test_odd_messages_are_the_vendors_to_refuse() -> None:
    document = RequestDocument(b'{"messages":[1,{"role":"developer","tool_calls":[2,{"id":3}],"tool_call_id":4}]}')
    assert fit(document, Dialect(knows_developers=False, call_id_size=9), translated=False) == []
    assert document.get("messages") == [1, {"role": "system", "tool_calls": [2, {"id": 3}], "tool_call_id": 4}]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_stream_asks_mistral_for_no_usage_and_says_what_was_left_out(path: str) -> None:
    """Whatever format the client speaks."""
    async with bench() as gate, providers(stream(*OPENAI_STREAM)) as [fake]:
        plugins = {"ai-proxy": {"provider": "mistral", "auth": KEY, "override": {"endpoint": fake.url}}}
        await gate.load(routes={"1": {"uri": path, "plugins": plugins}})
        body = {"model": "m", "max_tokens": 5, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        more = {"user": "u"} if "chat" in path else {"metadata": {"user_id": "u"}}
        reply = await gate.ask({**body, **more}, path=path)
        assert reply.status == 200, reply.body
        assert reply.header("x-tollhouse-dropped") == "user"
        assert set(fake.received[0].json) == {"model", "max_tokens", "stream", "messages"}


def test_calls_are_known_by_their_place_where_ids_are_refused() -> None:
    """Vertex AI; what another target may still be sent is not touched."""
    call = {"functionCall": {"id": "a", "name": "f", "args": {"id": 1}}, "thoughtSignature": "s"}
    result = {"function_response": {"id": "a", "name": "f", "response": {}}}
    raw = json.dumps({"contents": [{"role": "model", "parts": [call]}, {"parts": [result, 1]}, {"parts": 2}, 3]})
    document = RequestDocument(raw.encode())
    sent = document.copy()
    without_call_ids(sent)
    model, user, *rest = sent.get("contents")
    assert model["parts"] == [{"functionCall": {"name": "f", "args": {"id": 1}}, "thoughtSignature": "s"}]
    assert (user["parts"], rest) == ([{"function_response": {"name": "f", "response": {}}}, 1], [{"parts": 2}, 3])
    assert document.get("contents") == json.loads(raw)["contents"]
    assert provider_types()["vertex-ai"].dialect == Dialect(takes_call_ids=False)


@pytest.mark.parametrize(("vendor", "told"), [("deepseek", "Hm."), ("openai-compatible", None)])
async def test_deepseek_is_told_again_what_it_thought_before_its_calls(vendor: str, told: str | None) -> None:
    """It refuses the second turn of an agent of another format otherwise; others may refuse the field."""
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    talk = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
        {"role": "assistant", "content": [{**use, "id": "b"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "b", "content": "1"}]},
    ]
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    async with bench() as gate, providers(stream(*OPENAI_STREAM)) as [fake]:
        plugins = {"ai-proxy": {"provider": vendor, "auth": KEY, "override": {"endpoint": fake.url}}}
        await gate.load(routes={"1": {"uri": "/v1/messages", "plugins": plugins}})
        body = {"model": "m", "max_tokens": 5, "stream": True, "messages": talk, "tools": tools}
        assert (await gate.ask(body, path="/v1/messages")).status == 200
        first, second = (one for one in fake.received[0].json["messages"] if one["role"] == "assistant")
        assert first.get("reasoning_content") == told
        assert second.get("reasoning_content") == (None if told is None else "")


def test_what_both_openai_formats_have_reaches_vendors_only_where_the_client_said_it() -> None:
    """A translation must not bring a field a strict vendor does not know."""
    body = {"model": "m", "messages": HISTORY[1:2], "service_tier": "flex", "prompt_cache_key": "k"}
    assert fitted("xai", body)[1] == []
    assert fitted("xai", body, translated=True)[1] == ["service_tier", "prompt_cache_key"]


def test_speech_is_refused_where_the_vendor_has_none() -> None:
    """Left out, the client would wait for it in vain."""
    body = {"model": "m", "messages": HISTORY[1:2], "modalities": ["text", "audio"]}
    with pytest.raises(ClientError, match="'audio' reaches only"):
        fitted("groq", body)


VENDORS = sorted(name for name, one in provider_types().items() if one.dialect is not None and name != "azure-openai")


@pytest.mark.parametrize("client", ["anthropic_messages", "openai_responses", "gemini_generate"])
@pytest.mark.parametrize("vendor", [name for name in VENDORS if "openai_chat" in provider_types()[name].speaks])
def test_no_translation_says_what_a_vendor_refuses(vendor: str, client: str) -> None:
    """Whatever a client of another format asks: no field it lacks, no role it does not know, ids of its own size."""
    dialect = provider_types()[vendor].dialect
    assert dialect is not None
    maker = Maker(3)
    for _ in range(60):
        try:
            chat = protocol(client).decode_request(document(maker.make(client)))
            body = protocol("openai_chat").encode_request(chat, max_output_tokens=None).body
        except ClientError:
            continue
        sent, _ = fitted(vendor, body, translated=True)
        assert not set(sent) & (dialect.lacks | dialect.doubtful | OPENAI_ONLY | set(dialect.renames))
        assert vendor != "mistral" or set(sent) <= MISTRAL_TAKES
        called: set[str] = set()
        for message in sent["messages"]:
            assert dialect.knows_developers or message["role"] != "developer"
            assert not set(message) & dialect.message_lacks
            called |= {call["id"] for call in message.get("tool_calls") or ()}
            if message["role"] == "tool":
                assert message["tool_call_id"] in called
        assert not dialect.call_id_size or {len(id) for id in called} <= {dialect.call_id_size}
        assert dialect.takes_schemas or sent.get("response_format", {}).get("type") != "json_schema"
