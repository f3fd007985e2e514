from __future__ import annotations

import dataclasses
import json
from typing import Any

from tollhouse.controlplane.app import ControlPlane
from tollhouse.proto.admin.v1 import config_pb2 as pb

from tests.controlplane.plane import METADATA, Plane
from tests.support.etcd_server import EtcdServer

TUTORIAL = """
routes:
  - id: agent-code-generation
    uri: /v1/chat/completions
    upstream: {type: roundrobin, nodes: {"api.openai.com": 1, "api.anthropic.com": 1}}
    plugins:
      ai-proxy-multi: {auth_header: Authorization, max_tokens: 4000, temperature: 0.7}
      ai-rate-limiting: {rate_limit: 100, rate_limit_by: consumer, break_on_exceeded: true}
      ai-prompt-guard: {enable: true, block_patterns: ["DROP TABLE", "DELETE FROM"]}
  - id: agent-testing
    uri: /v1/chat/completions
    upstream: {type: roundrobin, nodes: {"api.anthropic.com": 2, "api.openai.com": 1}}
    plugins:
      ai-proxy-multi: {auth_header: Authorization, max_tokens: 2000, temperature: 0}
      ai-rate-limiting: {rate_limit: 50, rate_limit_by: consumer}
plugins:
  prometheus: {enable: true, export_uri: /apisix/metrics}
"""


async def apply(plane: Plane, text: str) -> pb.ApplyResponse:
    document = pb.Document(name="tutorial.yaml", content=text.encode())
    return await plane.config.Apply(pb.ApplyRequest(documents=[document]), metadata=METADATA)


async def test_the_published_tutorial(plane: Plane) -> None:
    """The tutorial's spellings are stored in the documented form, with notes, and the shadowed route is told."""
    first = await apply(plane, TUTORIAL)
    assert not [problem.what for problem in first.problems if problem.severity == "error"]
    assert first.revision
    shadowed = [problem for problem in first.problems if problem.severity == "warning"]
    assert [(problem.where, problem.line) for problem in shadowed] == [("routes/agent-testing", 10)]
    assert "vars" in shadowed[0].hint
    stored = {f"{change.kind}/{change.id}": json.loads(change.after_json) for change in first.changes}
    assert set(stored) == {
        "routes/agent-code-generation",
        "routes/agent-testing",
        "global_rules/prometheus",
        "plugin_metadata/prometheus",
    }
    route = stored["routes/agent-code-generation"]
    assert "upstream" not in route
    assert [one["provider"] for one in route["plugins"]["ai-proxy-multi"]["instances"]] == ["openai", "anthropic"]
    assert route["plugins"]["ai-prompt-guard"]["deny_patterns"] == ["DROP TABLE", "DELETE FROM"]
    assert not (await apply(plane, TUTORIAL)).revision, "the same document again must change nothing"


async def test_rest_tells_the_notes(plane: Plane) -> None:
    """A PUT with aliases answers with notes beside APISIX's envelope; without, the envelope is bare."""
    upstream = {"nodes": {"127.0.0.1:80": 1}}
    guard = {"ai-prompt-guard": {"block_patterns": ["x"]}}
    put = await plane.call("PUT", "routes/1", {"uri": "/a", "upstream": upstream, "plugins": guard})
    assert put.status == 201, put.text
    assert any("deny_patterns" in note for note in put.body["notes"])
    assert put.body["value"]["plugins"]["ai-prompt-guard"] == {"deny_patterns": ["x"]}
    again = await plane.call("PATCH", "routes/1", {"desc": "x"})
    assert set(again.body) == {"key", "value"}


async def test_inline_secret_without_a_sealing_key(shared_etcd: EtcdServer) -> None:
    """Without a sealing key an inline secret is refused, naming the field and the two remedies; references pass."""
    plane = Plane(shared_etcd.endpoint)
    plane.control = ControlPlane(dataclasses.replace(plane.settings, sealing_key=""))
    await plane.start()
    try:
        provider: dict[str, Any] = {"type": "openai", "auth": {"header": {"Authorization": "Bearer sk-inline-secret"}}}
        refused = await plane.call("PUT", "providers/p", provider)
        assert refused.status == 400
        for part in ("auth.header.Authorization", "TOLLHOUSE_SEALING_KEY", "$env://"):
            assert part in refused.body["error_msg"]
        assert "sk-inline-secret" not in refused.text
        provider["auth"]["header"]["Authorization"] = "$env://OPENAI_KEY"
        put = await plane.call("PUT", "providers/p", provider)
        assert put.status == 201
        assert put.body["value"]["auth"]["header"]["Authorization"] == "$env://OPENAI_KEY"
    finally:
        await plane.close()


async def test_inline_secret_is_sealed_and_kept(plane: Plane) -> None:
    """An inline secret is encrypted in etcd, masked in answers, and kept by a PATCH elsewhere in the object."""
    provider = {"type": "openai", "auth": {"header": {"Authorization": "Bearer sk-inline-secret"}}}
    assert (await plane.call("PUT", "providers/p", provider)).status == 201
    before = await plane.etcd.get(f"{plane.prefix}/providers/p")
    patched = await plane.call("PATCH", "providers/p", {"desc": "x", "auth": {"header": {"Authorization": "********"}}})
    after = await plane.etcd.get(f"{plane.prefix}/providers/p")
    assert before is not None
    assert after is not None
    assert patched.body["value"]["auth"]["header"]["Authorization"] == "********"
    sealed = json.loads(before.value)["auth"]["header"]["Authorization"]
    assert sealed.startswith("$sealed://")
    assert json.loads(after.value)["auth"]["header"]["Authorization"] == sealed
