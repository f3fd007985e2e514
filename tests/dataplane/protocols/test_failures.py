"""What an error event stands for."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.protocols._failures import invalid_reply, stream_failure


@pytest.mark.parametrize(
    ("type_", "given", "status"),
    [("overloaded_error", 0, 529), ("rate_limit_error", 0, 429), ("server_error", 503, 503), ("unheard_of", 0, 502)],
)
def test_the_status_is_the_providers_or_the_types(type_: str, given: int, status: int) -> None:
    error = stream_failure(type_, "its own words", given, {"error": 1})
    assert (error.status, error.code, error.message) == (status, type_, "its own words")
    assert error.provider_body == {"error": 1}


def test_an_unreadable_reply_says_why() -> None:
    assert "not JSON" in invalid_reply("not JSON").message
