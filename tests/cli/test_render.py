"""Tables for people, data for scripts."""

import json

import pytest
import yaml
from tollhouse.cli import render
from tollhouse.proto.problems import Problem


def test_data_is_json_or_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    """The same value either way, in the order given."""
    value = {"b": [1, {"ü": None}], "a": "x"}
    render.data(value, render.Output.JSON)
    assert json.loads(capsys.readouterr().out) == value
    render.data(value, render.Output.YAML)
    assert yaml.safe_load(capsys.readouterr().out) == value


def test_table_on_a_pipe_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Long cells stay whole, one row a line, markup in data is shown as it is."""
    render.table(("ID", "WHAT"), [("x" * 300, render.plain("[red]y"))])
    lines = capsys.readouterr().out.splitlines()
    assert any("x" * 300 in line and "[red]y" in line for line in lines)


def test_problems_name_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    """file:line first; only an error counts as failure."""
    warning = Problem("routes/a", "is shadowed", "use vars", "warning", "f.yaml", 3)
    assert not render.problems([warning])
    assert render.problems([warning, Problem("routes/b.urri", "unknown field")])
    said = capsys.readouterr().err
    assert "f.yaml:3: warning: routes/a: is shadowed (use vars)" in said.replace("\n", " ")
    assert "error: routes/b.urri: unknown field" in said
