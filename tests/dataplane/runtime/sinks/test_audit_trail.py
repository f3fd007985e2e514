"""Verdicts in a chained file."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict
from tollhouse.dataplane.runtime.sinks.audit_trail import AuditTrail
from tollhouse.dataplane.runtime.sinks.log_files import BackgroundLogFiles
from tollhouse.proto.audit_chain import seal_key, verify

from tests.support.exchanges import finished_chat
from tests.support.prompts import exchange


async def test_what_was_decided_is_written_down_and_whole(tmp_path: Path) -> None:
    """Verdicts and refusals; history judged before is not told again; a restart goes on."""
    for _ in range(2):
        files = BackgroundLogFiles(lambda path: None)
        trail = AuditTrail(tmp_path / "audit", 0, "n1", "key", files)
        ex = await finished_chat()
        add_verdict(ex, Verdict("ai-guard", "secrets/jwt", "secrets.token", "redact", "input", digest="d1"))
        add_verdict(ex, Verdict("ai-guard", "secrets/jwt", "secrets.token", "redact", "input", repeated=True))
        trail.record(ex)
        trail.record(await finished_chat())
        refused = await finished_chat()
        refused.error = ClientError(401, "invalid_key", "no")
        trail.record(refused)
        files.close()
    lines = (tmp_path / "audit" / "worker-0.jsonl").read_bytes().splitlines()
    told = verify(lines, seal_key("key"))
    assert (told.lines, told.problems) == (4, [])
    first, second = (msgspec.json.decode(line)["event"] for line in lines[:2])
    assert (first["rule"], first["action"], first["value_digest"]) == ("secrets/jwt", "redact", "d1")
    assert (first["consumer"], first["request_id"], first["revision"]) == ("jack", "req-1", 12)
    assert second["rule"] == "permission/invalid_key"
    assert b"confidential" not in b"".join(lines)


async def test_a_refusal_is_told_beside_what_was_only_flagged(tmp_path: Path) -> None:
    """With the model that was asked for, where none was reached."""
    files = BackgroundLogFiles(lambda path: None)
    trail = AuditTrail(tmp_path, 0, "n1", "key", files)
    ex = exchange({"model": "o1-pro", "messages": []})
    add_verdict(ex, Verdict("ai-guard", "personal_data/mail", "personal_data.contact", "mask", "input"))
    ex.error = ClientError(403, "group_not_allowed", "no")
    trail.record(ex)
    files.close()
    events = [msgspec.json.decode(line)["event"] for line in (tmp_path / "worker-0.jsonl").read_bytes().splitlines()]
    assert [(one["rule"], one["model"]) for one in events] == [
        ("personal_data/mail", "o1-pro"),
        ("permission/group_not_allowed", "o1-pro"),
    ]
