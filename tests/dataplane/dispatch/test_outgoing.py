"""Bodies as they go out. The whole path is tested in test_answers."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse.dataplane.dispatch.outgoing import merge


@pytest.mark.parametrize(
    ("base", "over", "force", "result"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, False, {"a": 1, "b": 3}),
        ({"a": 1}, {"a": 2, "b": 3}, True, {"a": 2, "b": 3}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, False, {"a": {"x": 1, "y": 2}}),
        ({"a": [1]}, {"a": [2, 3]}, True, {"a": [2, 3]}),
        ({"a": {"x": 1}}, {"a": 5}, True, {"a": 5}),
    ],
)
def test_objects_merge_deeply_and_arrays_are_replaced(base: Any, over: Any, force: bool, result: Any) -> None:
    """APISIX's rules for partial bodies."""
    assert merge(base, over, force=force) == result
