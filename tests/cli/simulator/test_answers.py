"""What a simulated model says."""

import json

import pytest
from tollhouse.cli.simulator.answers import answer
from tollhouse.cli.simulator.ask import Ask, Refusal, ToolOffer
from tollhouse.cli.simulator.script import Script

WEATHER = ToolOffer("get_weather", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
TIME = ToolOffer("get_time", {"type": "object", "properties": {}})


def ask(text: str, **more: object) -> Ask:
    return Ask(model="m", prompt=text, last_text=text, **more)  # type: ignore[arg-type]


def test_same_request_same_answer() -> None:
    """The answer is a function of the request."""
    assert answer(ask("hi"), Script(), 1, 0) == answer(ask("hi"), Script(), 1, 0)
    assert "You wrote: hi" in answer(ask("hi"), Script(), 1, 0).text


def test_tools_are_called_when_asked_for() -> None:
    """Naming a tool's subject calls it; two subjects call two tools, unless calls must not be parallel."""
    both = ask("weather and time in Paris please", tools=[WEATHER, TIME])
    said = answer(both, Script(), 1, 0)
    assert [call.name for call in said.calls] == ["get_weather", "get_time"]
    assert json.loads(said.calls[0].arguments) == {"city": "Paris"}
    assert (said.stop, said.text) == ("tool_calls", "")
    both.parallel = False
    assert len(answer(both, Script(), 1, 0).calls) == 1


def test_no_call_without_reason_and_text_after_a_result() -> None:
    """Small talk calls nothing; after a tool's result the model talks."""
    assert not answer(ask("hello", tools=[WEATHER]), Script(), 1, 0).calls
    said = answer(ask("weather", tools=[WEATHER], tool_results=["21 degrees"]), Script(), 1, 0)
    assert (said.calls, said.stop) == ([], "stop")
    assert "21 degrees" in said.text


def test_choice_and_script_decide_over_the_text() -> None:
    """A forced tool is called, ``none`` calls none, a script calls what it names and refuses what is not offered."""
    assert answer(ask("hi", tools=[WEATHER, TIME], choice="get_time"), Script(), 1, 0).calls[0].name == "get_time"
    assert not answer(ask("weather", tools=[WEATHER], choice="none"), Script(), 1, 0).calls
    assert len(answer(ask("hi", tools=[WEATHER, TIME]), Script(tools="all"), 1, 0).calls) == 2
    with pytest.raises(Refusal, match="nope"):
        answer(ask("hi", tools=[WEATHER]), Script(tools="nope"), 1, 0)


def test_lengths_and_structure() -> None:
    """``max_tokens`` cuts with reason length; a schema is fitted; a script sets text and length."""
    cut = answer(ask("one two three four five", max_tokens=3), Script(), 1, 0)
    assert (cut.stop, cut.completion_tokens) == ("length", 3)
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["a"]}, "n": {"type": "integer"}, "list": {"type": "array"}},
    }
    assert json.loads(answer(ask("x", schema=schema), Script(), 1, 0).text) == {
        "kind": "a",
        "n": 1,
        "list": ["some list"],
    }
    assert answer(ask("x"), Script(tokens=50), 1, 0).completion_tokens == 50
    assert answer(ask("x"), Script(stop="refusal"), 1, 0).stop == "refusal"


def test_what_a_schema_refers_to_is_filled_too() -> None:
    """Also where it refers to itself."""
    node = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "required": ["name", "next"],
    }
    schema = {"type": "object", "properties": {"head": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    made = json.loads(answer(ask("x", schema=schema), Script(), 1, 0).text)
    assert made["head"]["name"] == "some name"
    assert made["head"]["next"]["name"] == "some name"
    assert '"next": null' in json.dumps(made)
