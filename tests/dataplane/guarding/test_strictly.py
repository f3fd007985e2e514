"""JSON of one reading."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.guarding.strictly import TwiceNamed, decode_once, names_twice


def test_a_field_named_twice_anywhere_is_noticed() -> None:
    """Programs differ in which of the two they take."""
    assert decode_once('{"a":[{"b":1},{"b":2}]}') == {"a": [{"b": 1}, {"b": 2}]}
    assert names_twice('[{"a":{"b":1,"\\u0062":2}}]')
    with pytest.raises(TwiceNamed):
        decode_once('{"a":1,"a":1}')
