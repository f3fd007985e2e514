from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tollhouse.controlplane.offline import check, main
from tollhouse.controlplane.service.reading import Source

GOOD = "routes:\n  - id: a\n    uri: /a\n    upstream: {nodes: {'127.0.0.1:80': 1}}\n"


def test_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without mistakes prints nothing and ends with 0."""
    (tmp_path / "a.yaml").write_text(GOOD)
    assert main([str(tmp_path / "a.yaml")]) == 0
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_mistakes_have_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake is printed with file:line, and the exit code is 1."""
    file = tmp_path / "a.yaml"
    file.write_text(GOOD + "  - id: b\n    uri: 7\n    service_id: nope\n")
    assert main([str(file)]) == 1
    out = capsys.readouterr().out
    assert f"{file}:6: error: routes/b.uri:" in out
    assert f"{file}:7: error: routes/b.service_id: there is no service 'nope'" in out
    assert main(["--json", str(file)]) == 1
    assert {(one["line"], one["severity"]) for one in json.loads(capsys.readouterr().out)} == {
        (6, "error"),
        (7, "error"),
    }


def test_partial_sets_and_masks() -> None:
    """What only the stored configuration can tell is a warning: masks always, references when asked for."""
    text = "consumers:\n  - username: a\n    group_id: g\n    plugins: {key-auth: {key: '********'}}\n"
    sources = [Source("a", text.encode())]
    assert [one.severity for one in check(sources)] == ["warning", "error"]
    assert [one.severity for one in check(sources, partial=True)] == ["warning", "warning"]


def test_shadowed_route_is_a_warning() -> None:
    """Two routes with the same match: the second is named as shadowed, and it is no error."""
    text = GOOD + "  - id: b\n    uri: /a\n    upstream: {nodes: {'127.0.0.1:81': 1}}\n"
    (problem,) = check([Source("a.yaml", text.encode())])
    assert (problem.severity, problem.line) == ("warning", 5)
    assert problem.where.startswith("routes/b")


def test_secrets_stay_out_of_what_is_printed() -> None:
    """An inline secret next to a mistake is not printed."""
    text = "consumers:\n  - username: a\n    plugins: {key-auth: {key: very-secret-key-0123, nonsense: 1}}\n"
    problems = check([Source("a.yaml", text.encode())])
    assert problems
    assert "very-secret-key" not in " ".join(map(str, problems))


def test_as_a_command(tmp_path: Path) -> None:
    """It reads standard input, and tells a missing file with exit code 2."""
    command = [sys.executable, "-m", "tollhouse.controlplane.offline"]
    done = subprocess.run([*command, "-"], input="nonsense: []", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("<stdin>:1: error: nonsense: unknown kind")
    missing = subprocess.run([*command, str(tmp_path / "no")], capture_output=True, text=True, check=False)
    assert (missing.returncode, "No such file" in missing.stderr) == (2, True)
