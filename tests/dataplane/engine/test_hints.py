"""Tags: the operator's labels, and what clients add."""

from tollhouse.dataplane.engine.hints import tags_of


def test_tags_are_labels_and_what_the_client_adds() -> None:
    """The operator's labels weigh more than what a client writes; nonsense is left out."""
    headers = {"x-tollhouse-tags": "project=alpha, team=mine,=x,bare, a=b=c"}
    assert tags_of(headers, {"team": "theirs"}) == {"project": "alpha", "team": "theirs", "a": "b=c"}
    assert tags_of({}, {"team": "t"}) == {"team": "t"}
