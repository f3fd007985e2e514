"""Which tools may be offered and called."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.chat import ArgumentsDelta, PartEnded, PartStarted, TextDelta
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import MAX_VERDICTS, Verdict, add_verdict, verdicts_of
from tollhouse.dataplane.registry import protocols_by_name

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
    shown = [kept for event in fine for kept in plugin.event(ex, event)]
    assert shown == fine
    assert all(left is right for left, right in zip(shown, fine, strict=True))  # so that its bytes may pass
    assert [plugin.event(ex, event) for event in fine[:3]] == [fine[:1], [], []]  # held until they are whole
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


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (
            {"tools": [{"functionDeclarations": [{"name": "read"}, {"name": "shell"}]}, {"googleSearch": {}}]},
            {"tools": [{"functionDeclarations": [{"name": "read"}]}]},
        ),
        (
            {"tools": [{"function_declarations": [{"name": "shell"}], "code_execution": {}}], "tool_config": {}},
            {},
        ),
        ({"tools": OPENAI, "tool_choice": {"type": "function", "function": {"name": "shell"}}}, {"tools": OPENAI[:1]}),
        ({"web_search_options": {}, "mcp_servers": [{"type": "url", "name": "evil"}]}, {}),
        ({"tools": [{"type": "web_search"}, {"type": "custom", "name": "apply"}, "junk"]}, {}),
    ],
)
def test_tools_are_found_however_they_are_offered(body: dict[str, Any], left: dict[str, Any]) -> None:
    """Gemini's both spellings, tools of the provider, servers of tools; a choice that names what is gone goes too."""
    ex = exchange(body)
    configured("ai-tool-policy", allow=["read*"]).request(ex)
    assert ex.document.as_dict() == left


def test_names_and_arguments_are_judged_in_all_their_spellings() -> None:
    """Some clients run ``Shell`` as ``shell``, some programs read ``To`` as ``to`` or take the first of two."""
    plugin = configured(
        "ai-tool-policy",
        deny=["shell"],
        arguments=[{"tools": ["mail"], "argument": "to", "allow": "a@acme.io"}],
    )
    for name, arguments in (
        ("Shell", "{}"),
        ("\uff53hell ", "{}"),
        ("mail", '{"To":"eve@evil.io"}'),
        ("Mail", '{"to":"eve@evil.io"}'),
        ("mail", '{"to":"eve@evil.io","to":"a@acme.io"}'),
    ):
        ex = asked([])
        plugin.request(ex)
        with pytest.raises(ClientError):
            [plugin.event(ex, event) for event in call(name, arguments)]


def test_an_attack_hides_behind_nothing() -> None:
    """However many other findings a tool result makes before it."""
    ex = asked(OPENAI)
    for _ in range(MAX_VERDICTS + 10):
        add_verdict(ex, Verdict("ai-guard", "r", "personal_data.contact", "mask", "input", trust="untrusted"))
    add_verdict(ex, Verdict("ai-guard", "r", "injection.override", "flag", "input", trust="untrusted"))
    configured("ai-tool-policy", side_effects=["send_*"]).request(ex)
    assert len(ex.document.get("tools")) == 2


async def test_a_session_stays_tainted() -> None:
    """Also where later turns leave out what was found; other sessions are not touched."""
    plugin = configured("ai-tool-policy", side_effects=["send_*"])

    async def turn(session: str, *, attack: bool = False) -> int:
        ex = exchange({"messages": [], "tools": OPENAI, "prompt_cache_key": session})
        if attack:
            add_verdict(ex, Verdict("ai-guard", "r", "injection.override", "flag", "input", trust="untrusted"))
        await plugin.request(ex)
        return len(ex.document.get("tools"))

    assert [await turn("a"), await turn("a", attack=True), await turn("a"), await turn("b")] == [3, 2, 2, 3]


def test_what_a_provider_keeps_cannot_be_looked_into() -> None:
    """A stored answer would bring calls nobody judged."""
    ex = exchange(None, "")
    ex.protocol, ex.method, ex.path = protocols_by_name()["openai_passthrough"], "GET", "/v1/responses/resp_1"
    with pytest.raises(ClientError) as refused:
        configured("ai-tool-policy", deny=["shell"]).request(ex)
    assert refused.value.code == "not_judgeable"
    configured("ai-tool-policy", deny=["shell"], shadow=True).request(ex)


def test_patterns_must_compile() -> None:
    """When the config is written."""
    with pytest.raises(ValueError, match=r"arguments\[0\]\.allow"):
        configured("ai-tool-policy", arguments=[{"argument": "a", "allow": "("}])


async def test_how_long_a_session_stays_tainted_is_the_operators_choice() -> None:
    """As long as the counters keep it."""
    plugin = configured("ai-tool-policy", side_effects=["send_*"], session_s=900)
    windows: list[int] = []
    look = plugin.services.counters.look

    async def looked(limit: Any) -> Any:
        windows.append(limit.window_s)
        return await look(limit)

    plugin.services.counters.look = looked  # type: ignore[method-assign]
    found = plugin.request(exchange({"messages": [], "tools": OPENAI, "prompt_cache_key": "a-session"}))
    assert found is not None
    await found
    assert windows == [900]
