"""Odd but legal requests: whatever becomes of them elsewhere is what the other provider takes, or they are refused by
name."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.validate import ParamValidator
from msgspec.structs import replace
from tollhouse.cli.simulator.anthropic_wire import read_messages
from tollhouse.cli.simulator.gemini_wire import read_generate
from tollhouse.cli.simulator.openai_wire import read_chat
from tollhouse.cli.simulator.responses_wire import read_responses
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.registry import protocols_by_name

from tests.dataplane.protocols.bedrock_converse.test_official import CONVERSE, given_to_botocore
from tests.support.agents import PNG

PICTURE = base64.b64encode(PNG).decode()
NODE = {
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    },
    "$ref": "#/$defs/node",
}
SCHEMAS: dict[str, Any] = {
    "empty": {},
    "no type": {"properties": {"a": {"type": "string"}}},
    "nullable": {"type": ["object", "null"], "properties": {"a": {"type": ["string", "null"]}}},
    "recursive": NODE,
    "union": {"anyOf": [{"type": "object", "properties": {"a": {"const": 1}}}, {"type": "object"}]},
    "booleans": {"type": "object", "properties": {"a": True, "b": {}}, "additionalProperties": True},
    "tuple": {
        "type": "object",
        "properties": {"p": {"type": "array", "prefixItems": [{"type": "number"}], "items": False}},
    },
    "keywords": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "T",
        "type": "object",
        "properties": {"$ref": {"type": "string", "format": "uri", "pattern": "^a", "minLength": 1, "default": "a"}},
        "required": ["$ref"],
        "patternProperties": {"^x": {"type": "integer", "minimum": 1}},
    },
}
LONG = "a_tool_of_some_server_whose_name_is_far_too_long_for_anybody_" + "x" * 40
CALL_ID = "call|with/odd+letters=" + "9" * 200


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def function(name: str, parameters: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "description": "d"}
    return {"type": "function", "function": made if parameters is None else {**made, "parameters": parameters}}


def call(id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(id: str, content: Any = "1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


def use(id: str, name: str = "f", given: Any = None) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": given or {}}


def got(id: str, content: Any = "1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


TOOLS = [function("f", {"type": "object"})]
CHAT: dict[str, dict[str, Any]] = {
    **{f"schema {name}": {"messages": [user("x")], "tools": [function("f", one)]} for name, one in SCHEMAS.items()},
    "no parameters": {"messages": [user("x")], "tools": [function("f")]},
    "long names": {"messages": [user("x")], "tools": [function(LONG[:64]), function("1st.tool:get")]},
    "huge ids": {
        "messages": [user("x"), {"role": "assistant", "tool_calls": [call(CALL_ID)]}, result(CALL_ID)],
        "tools": TOOLS,
    },
    "parallel": {
        "messages": [
            user("x"),
            {"role": "assistant", "content": "", "tool_calls": [call("a"), call("b"), call("c")]},
            result("c", [{"type": "text", "text": "3"}]),
            result("a"),
            result("b", ""),
            user("and?"),
        ],
        "tools": TOOLS,
        "parallel_tool_calls": True,
    },
    "calls twice": {
        "messages": [
            user("x"),
            {"role": "assistant", "content": None, "tool_calls": [call("a")]},
            result("a"),
            {"role": "assistant", "content": None, "tool_calls": [call("b", arguments="")]},
            result("b"),
        ],
        "tools": TOOLS,
    },
    "arguments that are no JSON": {
        "messages": [user("x"), {"role": "assistant", "tool_calls": [call("a", arguments="{oops")]}, result("a")],
        "tools": TOOLS,
    },
    "calls without tools": {
        "messages": [user("x"), {"role": "assistant", "tool_calls": [call("a")]}, result("a"), user("y")]
    },
    "ids that repeat": {
        "messages": [
            user("x"),
            *[
                one
                for _ in range(3)
                for one in ({"role": "assistant", "tool_calls": [call("call_0")]}, result("call_0"))
            ],
            {"role": "assistant", "tool_calls": [call(""), call("", arguments='{"a":1}')]},
            *(result("", "first"), result("", "second")),
        ],
        "tools": TOOLS,
    },
    "a schema without one": {
        "messages": [user("x")],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n"}},
    },
    "documents alike": {
        "messages": [
            user(
                [
                    {"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,JVBERi0="}}
                    for name in ("a  b.pdf", "a b.pdf", "A\tb.pdf", "", "")
                ]
            )
        ]
    },
    "empty messages": {
        "messages": [{"role": "system", "content": ""}, user(""), {"role": "assistant", "content": ""}, user("x")]
    },
    "empty parts": {"messages": [user([{"type": "text", "text": ""}, {"type": "text", "text": " \n"}]), user("x")]},
    "answer first": {"messages": [{"role": "assistant", "content": "Hello."}, user("x")]},
    "answer last": {"messages": [user("x"), {"role": "assistant", "content": "So: "}]},
    "system last": {"messages": [user("x"), {"role": "system", "content": "Be brief."}]},
    "system between call and result": {
        "messages": [
            user("x"),
            {"role": "assistant", "tool_calls": [call("a")]},
            {"role": "system", "content": "note"},
            result("a"),
        ],
        "tools": TOOLS,
    },
    "image by address": {"messages": [user([{"type": "image_url", "image_url": {"url": "https://e.x/a.webp"}}])]},
    "image inline": {
        "messages": [user([{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}])]
    },
    "pdf": {
        "messages": [
            user(
                [
                    {
                        "type": "file",
                        "file": {"filename": "a b?.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                    },
                    {"type": "text", "text": "Sum up."},
                ]
            )
        ]
    },
    "several answers": {"messages": [user("x")], "n": 2},
    "log probabilities": {"messages": [user("x")], "logprobs": True, "top_logprobs": 3},
    "stops": {"messages": [user("x")], "stop": ["a", " ", "\n\n", "b"]},
    "stop": {
        "messages": [user("x")],
        "stop": "###",
        "temperature": 1.7,
        "top_p": 0.5,
        "seed": 1,
        "presence_penalty": 1,
    },
    "schema": {
        "messages": [user("x")],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": NODE}},
    },
    "forced tool": {
        "messages": [user("x")],
        "tools": TOOLS,
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "reasoning_effort": "high",
    },
    "none of the tools": {"messages": [user("x")], "tools": TOOLS, "tool_choice": "none"},
    "one at a time": {"messages": [user("x")], "tools": TOOLS, "parallel_tool_calls": False},
    "reasoning and tools": {
        "messages": [
            user("x"),
            {"role": "assistant", "reasoning_content": "Hm.", "tool_calls": [call("a")]},
            result("a"),
        ],
        "tools": TOOLS,
        "reasoning_effort": "low",
    },
    "arrays of anything": {
        "messages": [user("x")],
        "tools": [function("f", {"type": "object", "properties": {"a": {"type": "array"}}})],
    },
    "penalty two": {"messages": [user("x")], "presence_penalty": 2, "frequency_penalty": -2},
    "blank stop": {"messages": [user("x")], "stop": " "},
    "tiny maximum": {"messages": [user("x")], "max_completion_tokens": 1},
    "surrogates": {"messages": [user("x \ud83d\ude00 \u2028 \u0000")], "user": "u" * 300},
}
MESSAGES: dict[str, dict[str, Any]] = {
    **{
        f"schema {name}": {"messages": [user("x")], "tools": [{"name": "f", "input_schema": {"type": "object", **one}}]}
        for name, one in SCHEMAS.items()
        if name not in ("nullable", "union")  # Anthropic refuses them itself
    },
    "long names": {
        "messages": [user("x"), {"role": "assistant", "content": [use("t" * 90, LONG)]}, user([got("t" * 90)])],
        "tools": [{"name": LONG, "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "tool", "name": LONG},
    },
    "an array of anything": {
        "messages": [user("x")],
        "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "array"}}}}],
    },
    "alike when cut": {
        "messages": [user("x")],
        "tools": [{"name": LONG + end, "input_schema": {"type": "object"}} for end in "ab"],
    },
    "results of every kind": {
        "messages": [
            user("x"),
            {"role": "assistant", "content": [{"type": "text", "text": "ok"}, use("a"), use("b"), use("c"), use("d")]},
            user(
                [
                    got(
                        "a",
                        [
                            {"type": "text", "text": "1"},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                        ],
                    ),
                    got("b", is_error=True),
                    {"type": "tool_result", "tool_use_id": "c"},
                    got("d", []),
                    {"type": "text", "text": "go on"},
                ]
            ),
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    },
    "cache everywhere": {
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [user([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}])],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
    },
    "thinking over two calls": {
        "messages": [
            user("x"),
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, use("a")]},
            user([got("a")]),
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "zz"}, use("b")]},
            user([got("b")]),
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 2000,
    },
    "documents": {
        "messages": [
            user(
                [
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                        "title": "a/b?",
                    },
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "w"}]}},
                ]
            )
        ]
    },
    "document by address": {
        "messages": [user([{"type": "document", "source": {"type": "url", "url": "https://e.x/a.pdf"}}])]
    },
    "image by address": {
        "messages": [user([{"type": "image", "source": {"type": "url", "url": "https://e.x/a.png"}}])]
    },
    "stops": {
        "messages": [user("x")],
        "stop_sequences": ["a", "b", "c", "d", "e", "f"],
        "top_k": 5,
        "temperature": 0.5,
    },
    "prefill": {"messages": [user("x"), {"role": "assistant", "content": "{"}]},
    "built-in tools": {"messages": [user("x")], "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
}
INPUT: dict[str, dict[str, Any]] = {
    "long names": {
        "input": [
            user("x"),
            {"type": "function_call", "call_id": CALL_ID, "name": LONG, "arguments": "{}"},
            {"type": "function_call_output", "call_id": CALL_ID, "output": "1"},
        ],
        "tools": [
            {"type": "function", "name": LONG, "parameters": {"type": "object", "properties": {}}, "strict": False}
        ],
    },
    "parallel": {
        "input": [
            user("x"),
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
            {"type": "function_call_output", "call_id": "a", "output": ""},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": None, "strict": None}],
    },
    "reasoning over two calls": {
        "input": [
            user("x"),
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "zz"},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "reasoning": {"effort": "low"},
    },
    "a picture as an output": {
        "input": [
            user("x"),
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "a",
                "output": [{"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}],
            },
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
    },
    "pdf": {
        "input": [
            user([{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}])
        ]
    },
    "instructions alone": {"instructions": "Say hi.", "input": ""},
    "log probabilities": {"input": "x", "top_logprobs": 3, "include": ["message.output_text.logprobs"]},
}
CONTENTS: dict[str, dict[str, Any]] = {
    "schemas of google's kind": {
        "contents": [{"role": "user", "parts": [{"text": "x"}]}],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
                    },
                    {"name": "ns.g-h", "description": "d"},
                ]
            }
        ],
    },
    "calls without ids": {
        "contents": [
            {"role": "user", "parts": [{"text": "x"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f"}}]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "f", "response": {"output": 1}}},
                    {"functionResponse": {"name": "f", "response": {"error": "no"}}},
                ],
            },
        ],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    },
    "several answers": {
        "contents": [{"parts": [{"text": "x"}]}],
        "generationConfig": {"candidateCount": 2, "stopSequences": ["a", "b", "c", "d", "e"]},
    },
    "pdf": {"contents": [{"parts": [{"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}]}]},
}
ALL = {"openai_chat": CHAT, "anthropic_messages": MESSAGES, "openai_responses": INPUT, "gemini_generate": CONTENTS}


def check_converse(body: dict[str, Any]) -> None:
    report = ParamValidator().validate({"modelId": "m", **given_to_botocore(body)}, CONVERSE.input_shape)
    assert not report.has_errors(), report.generate_report()
    blocks = [block for turn in body["messages"] for block in turn["content"]]
    names = [block["document"]["name"].lower() for block in blocks if "document" in block]
    assert len(set(names)) == len(names)
    assert not any("  " in name for name in names)
    ids = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
    assert len(set(ids)) == len(ids)
    for turn in body["messages"]:
        assert not any("document" in block for block in turn["content"]) or any(
            "text" in one for one in turn["content"]
        )


CHECKS: dict[str, Callable[[Any], object]] = {
    "openai_chat": read_chat,
    "anthropic_messages": read_messages,
    "openai_responses": read_responses,
    "gemini_generate": read_generate,
    "bedrock_converse": check_converse,
}
SERVED: dict[str, tuple[str, ...]] = {
    "openai_chat": ("gpt-4o", "gpt-5"),
    "anthropic_messages": ("claude-sonnet-4-5", "claude-opus-4-8", "claude-sonnet-5"),
    "openai_responses": ("gpt-4o", "gpt-5"),
}
"""Models of several generations, which refuse different things."""
CASES = [(name, case, to) for name, ones in ALL.items() for case in ones for to in CHECKS if to != name]


def fixed(name: str, case: str) -> dict[str, Any]:
    """The whole body."""
    body = copy.deepcopy(ALL[name][case])
    body.setdefault("model", "claude-sonnet-4-5" if name == "openai_chat" else "m")
    if name == "anthropic_messages":
        body.setdefault("max_tokens", 900)
    return body


@pytest.mark.parametrize(("name", "case", "to"), CASES)
def test_the_other_provider_takes_what_becomes_of_it(name: str, case: str, to: str) -> None:
    raw = json.dumps(fixed(name, case)).encode()
    chat = protocols_by_name()[name].decode_request(RequestDocument(raw))
    for model in SERVED.get(to, ("m",)):
        try:
            encoded = protocols_by_name()[to].encode_request(replace(chat, model=model), max_output_tokens=4096)
        except ClientError as refused:
            named = bool(refused.param)
        else:
            named = True
            body = json.loads(json.dumps(encoded.body))
            if to == "openai_chat" and "max_tokens" in body:
                body["max_completion_tokens"] = body.pop("max_tokens")  # the dispatcher does, for OpenAI itself
            CHECKS[to](body)
        assert named, "refused without a name"
