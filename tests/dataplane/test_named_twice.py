"""A field that stands twice is found, however the object is written; nothing else is taken for one."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from tollhouse.dataplane.named_twice import named_twice, twice_within

from tests.support.dispatching import Bench, bench, instance
from tests.support.providers import answer, openai_reply, providers

FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{}", ""),
        ('{"a":1,"b":[{"a":2,"a":3}]}', ""),
        (' { "a" : 1 , "b" : "x" } ', ""),
        ('{"a":1,"a":1}', "a"),
        ('{"max_tokens":1,"n":2,"max_tokens":100000}', "max_tokens"),
        ('{"max_tokens":100000,"n":2,"max_tokens":1}', "max_tokens"),
        ('{"max_tokens": 5, "max_tokens": 5 }', "max_tokens"),
        (r'{"max_tokens":1,"max_tok\u0065ns":100000}', "max_tokens"),
        (r'{"max_tok\u0065ns":1,"n":2}', ""),
        ('{"ä":1,"b":2}', ""),
        ('{"ä":1,"ä":2}', "ä"),
        # what the last value is as long as, or begins like, what stands where the first was
        ('{"a":1   ,"x":2,"a":{"q":1,     "x":2}}', "a"),
        ('{"a":12,"x":1,"a":1}', "a"),
    ],
)
def test_the_name_that_stands_twice(text: str, name: str) -> None:
    raw = text.encode()
    assert named_twice(raw, FIELDS.decode(raw)) == name
    assert twice_within(raw) == name


@pytest.mark.parametrize("raw", [b"", b"1", b"[1]", b'{"a":'])
def test_what_is_no_object_names_nothing(raw: bytes) -> None:
    assert twice_within(raw) == ""


def test_any_object_however_it_is_written() -> None:
    """Against the standard library's reading."""
    luck = random.Random(3)
    names = ["a", "b", "max_tokens", "ä", 'q"', "\\", "messages"]
    values: list[Any] = [1, 12, "x", "a: 1, b", [1, {"a": 1}], {"a": {"b": 2}}, None, True, "}", '","a":1']
    for _ in range(3000):
        chosen = [(luck.choice(names), luck.choice(values)) for _ in range(luck.randrange(6))]
        space, comma = luck.choice(["", " ", "\n  "]), luck.choice([",", ", ", "  ,\n"])
        ascii_only = luck.random() < 0.5
        pairs = [f"{json.dumps(k, ensure_ascii=ascii_only)}{space}:{space}{json.dumps(v)}" for k, v in chosen]
        raw = ("{" + space + comma.join(pairs) + space + "}").encode()
        twice = len({name for name, _ in chosen}) < len(chosen)
        assert bool(named_twice(raw, FIELDS.decode(raw))) == twice, raw


GEMINI = '{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":90000}}'
CHAT = '"model":"gpt-4o","messages":[{"role":"user","content":"x"}]'


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/v1/chat/completions", '{"max_tokens":1,' + CHAT + ',"max_tokens":100000}', "max_tokens"),
        ("/v1/chat/completions", "{" + CHAT + ', "model": "gpt-4o"}', "model"),
        ("/v1/embeddings", '{"model":"a","input":"x","input":"y"}', "input"),
        ("/v1/images/generations", '{"model":"dall-e-3","n":1,"prompt":"x","n":10}', "n"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", GEMINI, "generationConfig.maxOutputTokens"),
        (
            "/v1beta/models/gemini-2.5-flash:generateContent",
            '{"contents":[],"generationConfig":{},"generation_config":{"candidateCount":8}}',
            "generation_config",
        ),
    ],
)
async def test_requests_that_say_a_thing_twice_are_refused(path: str, body: str, name: str) -> None:
    """With 400, before anything is sent."""
    async with bench() as gate, providers(answer(200, openai_reply("hello"))) as [fake]:
        await gate.multi(instance("a", "openai", fake.url))
        got = await gate.ask(body.encode(), path=path)
        assert (got.status, fake.received) == (400, [])
    assert f"{name!r} twice" in got.body.decode()


async def test_ordinary_routes_pass_on_what_they_get() -> None:
    """It is not for this to judge there."""
    body = b'{"a":1,"a":2}'
    async with bench() as made, providers(answer(200, {})) as [fake]:
        gate: Bench = made
        host = fake.url.removeprefix("http://")
        await gate.load(routes={"r": {"uri": "/*", "upstream": {"type": "roundrobin", "nodes": {host: 1}}}})
        assert (await gate.ask(body, path="/things")).status == 200
        assert fake.received[0].body == body
