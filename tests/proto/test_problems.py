"""How a mistake is worded."""

from tollhouse.proto.problems import Problem, errors_only


def test_problem_reads_as_one_line() -> None:
    """Place, severity, field, sentence, remedy."""
    problem = Problem("routes/a.uri", "must begin with /", "write /a", file="f.yaml", line=3)
    assert str(problem) == "f.yaml:3: error: routes/a.uri: must begin with / (write /a)"
    assert str(Problem("", "empty", file="f.yaml")) == "f.yaml: error: empty"


def test_only_errors_stop_a_write() -> None:
    """Warnings and notes do not."""
    error = Problem("a", "b")
    assert errors_only([error, Problem("a", "b", severity="warning"), Problem("a", "b", severity="note")]) == [error]
