"""``gatewayctl audit``."""

from pathlib import Path

import pytest
from tollhouse.cli.main import app
from tollhouse.proto.audit_chain import Chain, seal_key
from typer.testing import CliRunner


def test_trails_are_verified_and_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 for a trail that was changed."""
    monkeypatch.setenv("TOLLHOUSE_SEALING_KEY", "key")
    chain = Chain(seal_key("key"))
    lines = []
    for request in ("r1", "r2"):
        lines.append(chain.next({"request_id": request, "rule": "secrets/jwt", "action": "redact"}))
        chain.keep()
    path = tmp_path / "worker-0.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    runner = CliRunner()
    done = runner.invoke(app, ["audit", "verify", str(tmp_path)])
    assert (done.exit_code, "2 records, whole, 2 seals checked" in done.output.replace("\n", " ")) == (0, True)
    shown = runner.invoke(app, ["audit", "search", str(path), "--request", "r2"]).output
    assert "r2" in shown
    assert "r1" not in shown
    path.write_bytes(lines[1] + b"\n")
    assert runner.invoke(app, ["audit", "verify", str(path)]).exit_code == 1
    assert runner.invoke(app, ["audit", "explain"]).exit_code == 2
    assert runner.invoke(app, ["audit", "verify", str(tmp_path / "none")]).exit_code == 2
