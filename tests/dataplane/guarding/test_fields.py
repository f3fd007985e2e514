"""Names and paths of fields as policies write them."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.guarding.fields import Fields, glob_of


@pytest.mark.parametrize(
    ("pattern", "glob"),
    [
        ("ssn", "ssn"),
        ("a.b", ".a.b"),
        ("$.a.b", ".a.b"),
        ("$..ssn", "ssn"),
        ("$..a.b", "*.a.b"),
        ("$.a..b", ".a.*b"),
        ("$.a[*]['b c'].*", ".a.b c.*"),
    ],
)
def test_json_paths_are_globs(pattern: str, glob: str) -> None:
    """A path begins with a dot."""
    assert glob_of(pattern) == glob


def test_names_are_found_at_any_depth_and_paths_where_they_say() -> None:
    """Upper and lower case are one."""
    fields = Fields(["SSN", "$.a.b"])
    found = [steps for steps in (("x", "ssn"), ("a", "b"), ("x", "a", "b"), ("b",)) if fields.name(steps)]
    assert found == [("x", "ssn"), ("a", "b")]
