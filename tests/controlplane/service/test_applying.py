from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import grpc.aio
import pytest
from tollhouse.proto.admin.v1 import config_pb2 as pb

from tests.controlplane.plane import METADATA, ROUTE, VIEWER_METADATA, Plane

SET = """
upstreams:
  - id: u
    nodes: {"127.0.0.1:80": 1}
services:
  - id: s
    upstream_id: u
routes:
  - id: r
    uri: /a
    service_id: s
consumers:
  - username: jack
    plugins: {key-auth: {key: jacks-own-key-0123}}
"""


async def apply(plane: Plane, *texts: str, metadata: Any = METADATA, **more: Any) -> pb.ApplyResponse:
    documents = [pb.Document(name=f"{n}.yaml", content=text.encode()) for n, text in enumerate(texts)]
    return await plane.config.Apply(pb.ApplyRequest(documents=documents, **more), metadata=metadata)


def actions(response: pb.ApplyResponse) -> dict[str, str]:
    return {f"{change.kind}/{change.id}": pb.Change.Action.Name(change.action) for change in response.changes}


def errors(response: pb.ApplyResponse) -> list[str]:
    return [f"{one.file}:{one.line}: {one.where}: {one.what}" for one in response.problems if one.severity == "error"]


async def count(plane: Plane) -> int:
    return len((await plane.etcd.get_prefix(f"{plane.prefix}/")).kvs)


async def test_apply_and_apply_again(plane: Plane) -> None:
    """A set is written in one revision; the same set again changes nothing and writes nothing."""
    first = await apply(plane, SET)
    assert not errors(first)
    assert set(actions(first).values()) == {"CREATE"}
    stored = (await plane.etcd.get_prefix(f"{plane.prefix}/")).kvs
    assert {kv.mod_revision for kv in stored} == {first.revision}
    assert len(stored) == 4
    again = await apply(plane, SET)
    assert set(actions(again).values()) == {"UNCHANGED"}
    assert again.revision == 0
    assert "jacks-own-key" not in str(first) + str(again) + str(stored)
    changed = await apply(plane, SET.replace("/a", "/b"))
    assert actions(changed)["routes/r"] == "UPDATE"
    (change,) = [one for one in changed.changes if one.id == "r"]
    assert (json.loads(change.before_json)["uri"], json.loads(change.after_json)["uri"]) == ("/a", "/b")
    assert (await plane.call("GET", "routes/r")).body["createdIndex"] == first.revision


async def test_all_or_nothing(plane: Plane) -> None:
    """With one mistake in the set nothing is written, and the answer has file and line of every mistake."""
    bad = "routes:\n  - id: x\n    uri: /x\n    upstream_id: nope\n  - id: y\n    uri: 7\n    plugins: {unknown: {}}\n"
    answer = await apply(plane, SET, bad)
    assert answer.revision == 0
    assert await count(plane) == 0
    found = errors(answer)
    assert any(one.startswith("1.yaml:4: routes/x.upstream_id: there is no upstream 'nope'") for one in found), found
    assert any(one.startswith("1.yaml:6: routes/y.uri:") for one in found), found
    assert any("unknown plugin [unknown]" in one for one in found), found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("routes: [", "not valid YAML"),
        ("- 1", "expected a mapping"),
        ("nonsense: []", "unknown kind"),
        ("routes:\n  - {id: a, uri: /a}\n  - {id: a, uri: /b}", "two routes with the id"),
        ("consumers:\n  - {username: a, group_id: g}", "there is no consumer group 'g'"),
        ("credentials:\n  - {consumer: a, id: c, plugins: {key-auth: {key: k-01234567}}}", "there is no consumer 'a'"),
        (
            "consumers:\n  - {username: a, plugins: {key-auth: {key: same-key}}}\n"
            "  - {username: b, plugins: {key-auth: {key: same-key}}}",
            "duplicate key of plugin key-auth found with consumer: a",
        ),
        ("consumers:\n  - {username: a, plugins: {key-auth: {key: '********'}}}", "the value is a mask"),
        ("routes:\n  - {id: a, uri: /a, plugins: {ai-proxy-multi: {models: [nope]}}}", "there is no model 'nope'"),
    ],
)
async def test_mistakes(plane: Plane, text: str, part: str) -> None:
    """Each kind of mistake is named with its line, and nothing is written."""
    answer = await apply(plane, text)
    assert any(part in one for one in errors(answer)), errors(answer)
    assert await count(plane) == 0
    validated = await plane.config.Validate(
        pb.ValidateRequest(documents=[pb.Document(name="0.yaml", content=text.encode())]), metadata=METADATA
    )
    assert [problem.what for problem in validated.problems] == [problem.what for problem in answer.problems]


async def test_same_object_in_two_files(plane: Plane) -> None:
    """An object that stands in two files is refused with both places."""
    answer = await apply(plane, SET, "upstreams:\n  - {id: u, nodes: {'127.0.0.1:81': 1}}")
    assert any("stands twice, first in 0.yaml:" in one for one in errors(answer))


async def test_against_what_is_stored(plane: Plane) -> None:
    """References may lead to what is stored, and keys may not repeat what is stored."""
    await apply(plane, SET)
    good = await apply(plane, "routes:\n  - {id: q, uri: /q, service_id: s}")
    assert good.revision
    bad = await apply(plane, "consumers:\n  - {username: b, plugins: {key-auth: {key: jacks-own-key-0123}}}")
    assert any("found with consumer: jack" in one for one in errors(bad))


async def test_dry_run(plane: Plane) -> None:
    """A dry run tells what would change and writes nothing."""
    answer = await apply(plane, SET, dry_run=True)
    assert set(actions(answer).values()) == {"CREATE"}
    assert (answer.revision, await count(plane)) == (0, 0)


async def test_prune(plane: Plane) -> None:
    """Pruning deletes what is not in the documents, of the kinds named there only, and nothing still in use."""
    await apply(plane, SET)
    await plane.call("PUT", "routes/extra", ROUTE)
    pruned = await apply(plane, "routes:\n  - {id: r, uri: /a, service_id: s}", prune=True)
    assert actions(pruned) == {"routes/r": "UNCHANGED", "routes/extra": "DELETE"}
    assert (await plane.call("GET", "routes")).body["total"] == 1
    assert (await plane.call("GET", "upstreams")).body["total"] == 1
    used = await apply(plane, "services: []", prune=True)
    assert any("routes/r still refers to it" in one for one in errors(used))
    assert used.revision == 0
    gone = await apply(plane, "services: []\nroutes: []\nupstreams: []\nconsumers: []", prune=True)
    assert gone.revision
    assert await count(plane) == 0


async def test_if_revision(plane: Plane) -> None:
    """An apply on the condition that nothing changed since is refused when something did."""
    first = await apply(plane, SET)
    assert (await apply(plane, "routes:\n  - {id: r, uri: /b, service_id: s}", if_revision=first.revision)).revision
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await apply(plane, "routes:\n  - {id: r, uri: /c, service_id: s}", if_revision=first.revision)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_thousand_at_once(plane: Plane) -> None:
    """1,000 objects are one revision: created, changed and pruned together."""
    lines = [f"  - {{id: r{n}, uri: /r{n}, upstream_id: u}}" for n in range(1000)]
    text = "upstreams:\n  - {id: u, nodes: {'127.0.0.1:80': 1}}\nroutes:\n" + "\n".join(lines)
    answer = await apply(plane, text)
    assert not errors(answer)
    stored = (await plane.etcd.get_prefix(f"{plane.prefix}/")).kvs
    assert len(stored) == 1001
    assert {kv.mod_revision for kv in stored} == {answer.revision}
    gone = await apply(plane, "routes: []", prune=True)
    assert gone.revision
    assert await count(plane) == 1


async def test_too_large_a_set(plane: Plane) -> None:
    """A set over etcd's request limit is refused as a whole, with the remedy."""
    lines = [
        f"  - {{id: r{n}, uri: /r{n}, desc: '{'x' * 250}', upstream: {{nodes: {{'h{n}:1': 1}}}}}}" for n in range(6000)
    ]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await apply(plane, "routes:\n" + "\n".join(lines))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "split" in (caught.value.details() or "")
    assert await count(plane) == 0


async def test_applies_race_with_writes(plane: Plane) -> None:
    """Applies and single writes at the same time all arrive, and references hold."""
    texts = [
        f"upstreams:\n  - {{id: u{n}, nodes: {{'h:1': 1}}}}\nroutes:\n  - {{id: a{n}, uri: /a, upstream_id: u{n}}}"
        for n in range(6)
    ]
    results = await asyncio.gather(
        *(apply(plane, text) for text in texts), *(plane.call("PUT", f"routes/b{n}", ROUTE) for n in range(20))
    )
    assert all(result.revision for result in results[:6])
    assert (await plane.call("GET", "routes")).body["total"] == 26


async def test_viewer_may_not_apply(plane: Plane) -> None:
    """A viewer's apply is refused; validating writes nothing and is allowed."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await apply(plane, SET, metadata=VIEWER_METADATA)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    document = pb.Document(name="a", content=SET.encode())
    answer = await plane.config.Validate(pb.ValidateRequest(documents=[document]), metadata=VIEWER_METADATA)
    assert not [problem for problem in answer.problems if problem.severity == "error"]
