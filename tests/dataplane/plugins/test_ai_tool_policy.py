"""Which tools may be offered and called."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.chat import ArgumentsDelta, PartEnded, PartStarted, TextDelta
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict, verdicts_of

from tests.support.prompts import configured, exchange

OPENAI = [{"type": "function", "function": {"name": name}} for name in ("read_file", "send_mail", "shell")]
ANTHROPIC = [{"name": name, "input_schema": {}} for name in ("read_file", "send_mail", "shell")]


def asked(tools: list[dict[str, Any]], protocol: str = "openai_chat") -> Any:
    """A request that offers tools."""
    return exchange({"model": "m", "messages": [], "tools": tools}, protocol)


def call(name: str, *arguments: str) -> list[Any]:
    """The events of a call."""
    deltas = [ArgumentsDelta(0, 0, piece) for piece in arguments]
    return [PartStarted(0, 0, "tool_call", "c", name), *deltas, PartEnded(0, 0)]


@pytest.mark.parametrize(("tools", "protocol"), [(OPENAI, "openai_chat"), (ANTHROPIC, "anthropic_messages")])
def test_forbidden_tools_are_not_offered(tools: list[dict[str, Any]], protocol: str) -> None:
    """Taken out, or the request is refused; what is allowed leaves the bytes alone."""
    ex = asked(tools, protocol)
    configured("ai-tool-policy", allow=["read_*", "send_*"], deny=["send_*"]).request(ex)
    assert ex.document.get("tools") == tools[:1]
    with pytest.raises(ClientError) as refused:
        configured("ai-tool-policy", deny=["shell"], on_offer="block").request(asked(tools, protocol))
    assert refused.value.code == "tool_not_allowed"
    ex = asked(tools, protocol)
    configured("ai-tool-policy", deny=["other"]).request(ex)
    assert ex.document.encode() == ex.body == ex.document.raw


def test_without_any_tool_left_the_list_goes() -> None:
    """And the choice among them."""
    ex = exchange({"model": "m", "messages": [], "tools": OPENAI, "tool_choice": "auto"})
    configured("ai-tool-policy", allow=["none"]).request(ex)
    assert ex.document.names() == ["model", "messages"]


def test_a_forbidden_call_never_becomes_whole() -> None:
    """By name at its beginning, by argument before its end."""
    plugin = configured(
        "ai-tool-policy",
        deny=["shell"],
        arguments=[
            {"tools": ["send_mail"], "argument": "to", "allow": r".*@acme\.io", "required": True},
            {"argument": "path", "deny": r"\.\."},
        ],
    )
    ex = asked(OPENAI)
    plugin.request(ex)
    fine = [*call("send_mail", '{"to":["a@acme', '.io"]}'), TextDelta(0, 1, "x"), *call("read_file", '{"path":"a/b"}')]
    assert [shown for event in fine for shown in plugin.event(ex, event)] == fine
    for name, arguments in (
        ("shell", "{}"),
        ("send_mail", '{"to":["a@acme.io","eve@evil.io"]}'),
        ("send_mail", "{}"),
        ("read_file", '{"path":"../x"}'),
        ("read_file", "{broken"),
    ):
        with pytest.raises(ClientError):
            [plugin.event(ex, event) for event in call(name, arguments)]


def test_no_side_effects_after_an_attack_in_a_tool_result() -> None:
    """What ai-guard found decides; an attack by the user does not count."""
    plugin = configured("ai-tool-policy", side_effects=["send_*"])
    for trust, offered in (("untrusted", 2), ("user", 3)):
        ex = asked(OPENAI)
        add_verdict(ex, Verdict("ai-guard", "r", "injection.override", "flag", "input", trust=trust))
        plugin.request(ex)
        assert len(ex.document.get("tools")) == offered
    ex = asked([])
    add_verdict(ex, Verdict("ai-guard", "r", "injection.override", "flag", "input", trust="untrusted"))
    plugin.request(ex)
    with pytest.raises(ClientError):
        plugin.event(ex, PartStarted(0, 0, "tool_call", "c", "send_mail"))


def test_shadow_tells_only() -> None:
    """Everything passes."""
    plugin = configured("ai-tool-policy", deny=["*"], shadow=True)
    ex = asked(OPENAI)
    plugin.request(ex)
    events = call("shell", "{}")
    assert [shown for event in events for shown in plugin.event(ex, event)] == events
    assert len(ex.document.get("tools")) == 3
    assert {one.shadow for one in verdicts_of(ex)} == {True}


def test_patterns_must_compile() -> None:
    """When the config is written."""
    with pytest.raises(ValueError, match=r"arguments\[0\]\.allow"):
        configured("ai-tool-policy", arguments=[{"argument": "a", "allow": "("}])
