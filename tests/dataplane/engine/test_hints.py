"""What agents say about their session and tags."""

import json

import pytest
from tollhouse.dataplane.engine.hints import session_of, tags_of


@pytest.mark.parametrize(
    ("headers", "user", "session"),
    [
        ({"x-claude-code-session-id": "abc"}, "", "abc"),
        ({"session-id": "codex-1", "thread-id": "t"}, "", "codex-1"),
        ({"x-tollhouse-session": "ours", "x-session-id": "theirs"}, "", "ours"),
        ({}, json.dumps({"device_id": "d", "session_id": "s-9"}), "s-9"),
        ({}, "user_1_account_2_session_0123abcd-99", "0123abcd-99"),
        ({}, "someone", ""),
    ],
)
def test_sessions_of_known_agents(headers: dict[str, str], user: str, session: str) -> None:
    """Headers first, then what stands in the user field."""
    assert session_of(headers, user) == session


def test_tags_are_labels_and_what_the_client_adds() -> None:
    """The operator's labels weigh more than what a client writes; nonsense is left out."""
    headers = {"x-tollhouse-tags": "project=alpha, team=mine,=x,bare, a=b=c"}
    assert tags_of(headers, {"team": "theirs"}) == {"project": "alpha", "team": "theirs", "a": "b=c"}
    assert tags_of({}, {"team": "t"}) == {"team": "t"}
