"""Ports, command lines and environments."""

import socket
import subprocess
from pathlib import Path

import pytest
from tollhouse.cli.embedded.plan import Plan, Ports, free_port
from tollhouse.cli.embedded.state import State
from tollhouse.cli.failure import Failure


def free() -> Ports:
    """All on free ports."""
    names = Ports.__dataclass_fields__
    return Ports(**{name: free_port() for name in names})


def test_taken_public_port_is_named_with_its_flag() -> None:
    """A clear message, and how to choose another; an internal port moves by itself."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Failure) as caught:
            Ports(**{**vars(free()), "http": port}).settled(demo=False)
        assert str(port) in caught.value.message
        assert "--http-port" in caught.value.hint
        assert Ports(**{**vars(free()), "etcd": port}).settled(demo=False).etcd != port


def test_simulators_stand_in_for_vendors_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real key the vendor is called; without one its simulator is; the local model always is one."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")
    state = State(tmp_path).open()
    plan = Plan(state, Ports(), demo=True)
    assert [command.name for command in plan.simulators()] == ["openai simulator", "qwen simulator"]
    environment = plan.data_plane().environment
    assert environment["TOLLHOUSE_ENDPOINT_OPENAI"] == "http://127.0.0.1:9601"
    assert "ANTHROPIC_API_KEY" not in environment
    assert "TOLLHOUSE_ENDPOINT_ANTHROPIC" not in environment
    assert Plan(state, Ports()).simulators() == []


def test_a_key_of_ours_is_no_vendors_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents' shells hold our keys in the vendors' variables; `up` in such a shell must not call the vendor."""
    monkeypatch.setenv("OPENAI_API_KEY", "th-of-an-agent")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    assert Plan(State(tmp_path).open(), Ports(), demo=True).simulated() == ["openai", "anthropic"]


def test_requests_are_logged(tmp_path: Path) -> None:
    """One line per request, beside the other logs."""
    arguments = Plan(State(tmp_path).open(), Ports(), demo=True).data_plane().arguments
    assert arguments[arguments.index("--access-log") + 1] == str(tmp_path / "logs" / "access.log")


def test_files_of_the_working_folder_are_no_modules(tmp_path: Path) -> None:
    """A secrets.py beside the user's documents is not imported."""
    (tmp_path / "secrets.py").write_text("raise SystemExit('imported')")
    command = Plan(State(tmp_path / "state").open(), Ports()).data_plane().arguments
    told = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


def test_secrets_are_not_on_command_lines(tmp_path: Path) -> None:
    """Every user of a machine can read command lines."""
    state = State(tmp_path).open()
    plan = Plan(state, Ports(), demo=True)
    lines = [" ".join(command.arguments) for command in (plan.control_plane(), plan.data_plane(), plan.etcd())]
    assert not any(state.admin_key in line or state.sealing_key in line for line in lines)
    assert plan.control_plane().environment["TOLLHOUSE_ADMIN_KEY"] == state.admin_key
