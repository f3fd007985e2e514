"""Variables of a request and templates over them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict
from tollhouse.dataplane import variables
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.exchange import Attempt, Exchange


def exchange(body: bytes | None = None, **headers: str) -> Exchange:
    async def read_body() -> bytes:
        return b""

    ex = Exchange(
        id="id-1",
        snapshot=None,  # type: ignore[arg-type]
        method="POST",
        path="/v1/a b",
        query="x=1&y=a%20b&x=2&empty=",
        scheme="https",
        host="api.example.com",
        headers=CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()}),
        client_ip="10.0.0.1",
        received_s=1.0,
        received_at=2.0,
        read_body=read_body,
    )
    ex.body = body
    return ex


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("uri", "/v1/a b"),
        ("request_uri", "/v1/a%20b?x=1&y=a%20b&x=2&empty="),
        ("args", "x=1&y=a%20b&x=2&empty="),
        ("arg_x", "1"),
        ("arg_y", "a b"),
        ("arg_empty", ""),
        ("arg_none", None),
        ("host", "api.example.com"),
        ("scheme", "https"),
        ("request_method", "POST"),
        ("remote_addr", "10.0.0.1"),
        ("http_x_agent_name", "coder"),
        ("http_none", None),
        ("cookie_session", "abc"),
        ("cookie_other", "1=2"),
        ("cookie_none", None),
        ("consumer_name", None),
        ("route_id", None),
        ("request_type", "traditional_http"),
        ("llm_prompt_tokens", 0),
        ("no_such_variable", None),
        ("arg_", None),
    ],
)
def test_reads_nginx_and_apisix_variables(name: str, expected: Any) -> None:
    ex = exchange(x_agent_name="coder", cookie='bad[]; session="abc"; other=1=2')
    assert variables.value(ex, name) == expected


def test_variables_of_the_answer_come_from_the_attempts() -> None:
    ex = exchange()
    ex.attempts.append(
        Attempt(
            "t", "p", "openai", "gpt-x", 1.0, 1.25, 2.0, 200, usage=Usage(10, 4, output_tokens=5, reasoning_tokens=2)
        )
    )
    names = ["llm_model", "llm_prompt_tokens", "llm_total_tokens", "llm_time_to_first_token", "upstream_status"]
    assert [variables.value(ex, name) for name in names] == ["gpt-x", 10, 15, 250, 200]


def test_variables_of_consumer_and_route() -> None:
    ex = exchange()
    ex.consumer_name = "bob"
    ex.consumer = SimpleNamespace(group_id="team")  # type: ignore[assignment]
    ex.route = SimpleNamespace(id="r1", name="", service_id="s", matched_uri="/v1/*")  # type: ignore[assignment]
    names = ["consumer_name", "consumer_group_id", "route_id", "route_name", "service_id", "matched_uri"]
    assert [variables.value(ex, name) for name in names] == ["bob", "team", "r1", None, "s", "/v1/*"]


def test_body_variables_ask_for_the_body_before_it_was_read() -> None:
    json = exchange(content_type="application/json", content_length="10")
    with pytest.raises(variables.BodyNeeded):
        variables.value(json, "post_arg.model")
    assert variables.value(json, "post_arg_model") is None, "post_arg_ reads forms only"
    assert variables.value(exchange(content_type="application/json"), "post_arg.model") is None, "there is no body"


def test_body_variables_read_json_by_path() -> None:
    ex = exchange(
        b'{"model": "gpt", "messages": [{"role": "user", "n": 1}, {"role": "tool"}]}',
        content_type="application/json; charset=utf-8",
    )
    for _ in range(2):
        assert variables.value(ex, "post_arg.model") == "gpt"
        assert variables.value(ex, "post_arg.$.model") == "gpt"
        assert variables.value(ex, "post_arg.messages[0].role") == "user"
        assert variables.value(ex, "post_arg.messages[-1].role") == "tool"
        assert variables.value(ex, "post_arg.messages[*].role") == ["user", "tool"]
        assert variables.value(ex, "post_arg.messages[5].role") is None
        assert variables.value(ex, "post_arg.model.x") is None
        assert ex.body is not None
        ex.document = RequestDocument(ex.body)
    assert variables.value(ex, "request_llm_model") == "gpt"


def test_body_variables_read_forms_and_survive_garbage() -> None:
    form = exchange(b"model=gpt&a=%zz", content_type="application/x-www-form-urlencoded")
    assert variables.value(form, "post_arg_model") == "gpt"
    assert variables.value(form, "post_arg.model") == "gpt"
    assert variables.value(exchange(b"{", content_type="application/json"), "post_arg.model") is None


def test_templates_fill_in_variables_and_leave_the_rest() -> None:
    ex = exchange()
    ex.consumer_name = "bob"
    made = variables.template("${consumer_name}:$remote_addr:$arg_none costs 5$ at $$")
    assert made(ex) == "bob:10.0.0.1: costs 5$ at $$"
    assert made.names == ["consumer_name", "remote_addr", "arg_none"]
    assert made.resolved(ex)[1] == 2
    assert variables.template("plain")(ex) == "plain"
