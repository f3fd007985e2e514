"""The command line: commands found, failures worded, exit codes as documented."""

import json
from pathlib import Path

import pytest
from tollhouse.cli import failure
from tollhouse.cli.main import EPILOG, app
from typer.testing import CliRunner

COMMANDS = ["apply", "ask", "delete", "diff", "doctor", "dump", "explain", "get", "nodes", "simulate", "up", "validate"]
NOBODY = ["--server", "127.0.0.1:1", "--admin-key", "x"]


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_every_command_is_found_and_explains_itself(runner: CliRunner) -> None:
    """Each file in commands/ is a command with a help text."""
    shown = runner.invoke(app, ["--help"]).output
    assert [name for name in COMMANDS if name not in shown] == []
    for name in COMMANDS:
        assert runner.invoke(app, [name, "--help"]).exit_code == 0


def test_exit_codes_are_documented() -> None:
    """The help names every code."""
    codes = {failure.OK, failure.REFUSED, failure.USAGE, failure.UNREACHABLE, failure.NOT_LIVE}
    assert codes == {0, 1, 2, 3, 4}
    assert all(f"{code} " in EPILOG for code in codes)


def test_version(runner: CliRunner) -> None:
    """``--version`` needs no command."""
    done = runner.invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.output.startswith("gatewayctl ")


@pytest.mark.parametrize("command", [["get", "routes"], ["nodes"], ["dump"], ["delete", "routes", "x"]])
def test_unreachable_control_plane_is_3_with_a_remedy(runner: CliRunner, command: list[str]) -> None:
    """Nobody listens: exit code 3, and what to do."""
    done = runner.invoke(app, [*NOBODY, *command])
    assert done.exit_code == 3
    assert "cannot reach the control plane at 127.0.0.1:1" in done.output
    assert "up --demo" in done.output


def test_unknown_kind_lists_the_kinds(runner: CliRunner) -> None:
    """A misspelt kind is wrong usage."""
    done = runner.invoke(app, [*NOBODY, "get", "rouutes"])
    assert done.exit_code == 2
    assert "consumer_groups" in done.output


def test_files_are_looked_for_before_anything_is_sent(runner: CliRunner, tmp_path: Path) -> None:
    """A missing file and a folder without documents are wrong usage."""
    assert runner.invoke(app, [*NOBODY, "apply", "-f", str(tmp_path / "none.yaml")]).exit_code == 2
    assert runner.invoke(app, [*NOBODY, "apply", "-f", str(tmp_path)]).exit_code == 2
    (tmp_path / "a.yaml").write_text("routes: []")
    assert runner.invoke(app, [*NOBODY, "apply", "-f", str(tmp_path)]).exit_code == 3


def test_ask_says_when_there_is_no_gateway(runner: CliRunner, tmp_path: Path) -> None:
    """Exit code 3 again."""
    done = runner.invoke(app, ["--state-dir", str(tmp_path), "ask", "hi", "--gateway", "http://127.0.0.1:1"])
    assert done.exit_code == 3
    assert "127.0.0.1:1" in done.output


def test_doctor_finds_what_is_missing(runner: CliRunner, tmp_path: Path) -> None:
    """Unreachable parts are bad and have remedies; a readable key file is found."""
    key = tmp_path / "admin.key"
    key.write_text("x")
    key.chmod(0o644)
    flags = ["--gateway", "http://127.0.0.1:1", "--admin", "http://127.0.0.1:1", "--etcd", "http://127.0.0.1:1"]
    done = runner.invoke(app, ["--server", "127.0.0.1:1", "--state-dir", str(tmp_path), "doctor", *flags, "-o", "json"])
    assert done.exit_code == 1
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert findings["python"]["state"] == "good"
    assert findings["gateway"]["remedy"]
    assert findings["admin.key"]["remedy"] == f"chmod 600 {key}"


def test_simulate_refuses_nonsense(runner: CliRunner) -> None:
    """Kinds, addresses and scripts are checked before listening."""
    assert runner.invoke(app, ["simulate", "nobody"]).exit_code == 2
    assert runner.invoke(app, ["simulate", "openai", "--listen", "here"]).exit_code == 2
    done = runner.invoke(app, ["simulate", "openai", "--script", "statuss=1"])
    assert done.exit_code == 2
    assert "statuss" in done.output
