"""The published tutorial, word for word."""

from pathlib import Path

import pytest

from tests.support.system import Node, System, call, wait_for

TUTORIAL = Path(__file__).parents[2] / "deploy/examples/tutorial.yaml"
ASK = {
    "model": "claude-3-sonnet",
    "messages": [{"role": "user", "content": "Write a Python function to validate email addresses"}],
    "max_tokens": 1000,
}


@pytest.fixture
def tutorial(system: System) -> System:
    """A system with the tutorial's configuration."""
    system.ctl("apply", "-f", str(TUTORIAL), "--wait")
    return system


def test_apply_warns_of_the_route_that_never_serves(system: System) -> None:
    """Both routes match the same requests; the answer names the shadowed one and how to tell them apart."""
    done = system.ctl("apply", "-f", str(TUTORIAL), "--dry-run")
    (line,) = [line for line in done.stderr.splitlines() if "can never be reached" in line]
    assert "agent-testing" in line
    assert "vars" in line


def test_request_goes_to_the_anthropic_provider_translated(tutorial: System) -> None:
    """``claude-3-sonnet`` asked in OpenAI's format is served by Anthropic's, with its key and not the caller's."""
    answer = tutorial.chat(ASK)
    assert answer.status == 200, answer
    assert answer.json["object"] == "chat.completion"
    assert "claude-3-sonnet" in answer.json["choices"][0]["message"]["content"]
    assert answer.json["usage"]["total_tokens"] > 0
    (entry,) = tutorial.simulators.anthropic.log.entries
    assert entry.path.startswith("/v1/messages")
    assert entry.headers["x-api-key"] == "sk-of-anthropic"
    assert "sk-test-key" not in str(entry.headers)
    assert entry.body["max_tokens"] == 1000
    assert tutorial.simulators.openai.log.requests == 0
    assert float(answer.headers["x-tollhouse-cost-usd"]) > 0
    assert answer.headers["x-tollhouse-revision"].isdecimal()


def test_forbidden_prompt_is_refused(tutorial: System) -> None:
    """A prompt with DROP TABLE reaches no provider."""
    answer = tutorial.chat({**ASK, "messages": [{"role": "user", "content": "please DROP TABLE users"}]})
    assert answer.status == 400, answer
    assert answer.json["error"]["message"]
    assert tutorial.simulators.anthropic.log.requests + tutorial.simulators.openai.log.requests == 0


@pytest.mark.parametrize("failure", ["connection refused", "529", "hangs up"])
def test_other_provider_answers_within_a_second(tutorial: System, failure: str) -> None:
    """With Anthropic down the same request is answered by OpenAI, in less than a second."""
    simulators = tutorial.simulators
    if failure == "connection refused":
        simulators.stop(simulators.anthropic)
    elif failure == "529":
        simulators.anthropic.simulate(status=529)
    else:
        simulators.anthropic.simulate(refuse_connection=True)
    try:
        answer = tutorial.chat(ASK)
    finally:
        if failure == "connection refused":
            simulators.start(simulators.anthropic)
    assert answer.status == 200, answer
    assert simulators.openai.log.requests == 1
    assert answer.seconds < 1
    assert "gpt" in answer.json["choices"][0]["message"]["content"]


def test_metrics_tell_who_used_what(tutorial: System) -> None:
    """Counts by agent, model and provider, tokens, cost and latency on the tutorial's address."""
    tutorial.chat(ASK)

    def shown() -> str:
        return call(f"{tutorial.node.url}/apisix/metrics").text

    wait_for(lambda: "llm_prompt_tokens" in shown(), 10, "metrics of the request", shown)
    text = shown()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    tokens = [line for line in lines if line.startswith("apisix_llm_prompt_tokens")]
    assert any("claude-3-sonnet" in line for line in tokens), tokens
    cost = [line for line in lines if line.startswith("tollhouse_llm_cost_usd_total") and "anthropic" in line]
    assert any(float(line.rsplit(" ", 1)[1]) > 0 for line in cost), text
    assert any(line.startswith("apisix_http_status") and 'code="200"' in line for line in lines)
    assert any(line.startswith("apisix_llm_latency") for line in lines)


def test_rate_limit_counts_per_caller(tutorial: System) -> None:
    """The route's hundred requests a minute hold for each caller apart; the refusal says when to come back."""
    statuses = [tutorial.chat(ASK, authorization="Bearer sk-other").status for _ in range(101)]
    assert statuses[:100] == [200] * 100
    answer = tutorial.chat(ASK, authorization="Bearer sk-other")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    assert tutorial.chat(ASK, authorization="Bearer sk-third").status == 200


def test_same_file_serves_without_etcd(system: System) -> None:
    """``tollhouse-dataplane --config FILE`` serves the tutorial alone."""
    node = Node(system.folder, "alone", ["--config", str(TUTORIAL)], system.simulators)
    node.start()
    try:
        node.wait_ready()
        wait_for(lambda: system.chat(ASK, node=node).status == 200, 15, "an answer", node.said)
        assert call(f"{node.url}/apisix/metrics").status == 200
    finally:
        assert node.stop() == 0
