"""What a notifier may say."""

from typing import Any

import pytest
from pydantic import ValidationError
from tollhouse.proto.resources import KINDS, Notifier
from tollhouse.proto.secret_marks import change_secrets

HOOK = {"type": "webhook", "url": "https://hooks.example/x", "secret": "s"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"type": "pagerduty"}, "not offered by this release"),
        ({"type": "smtp"}, "use webhook or slack"),
        ({"type": "slack"}, "cannot be signed"),
        ({"url": "ftp://x"}, "http://"),
        ({"events": ["all"]}, "events"),
    ],
)
def test_what_has_no_effect_is_refused(fields: dict[str, Any], told: str) -> None:
    """By name, with the remedy."""
    with pytest.raises(ValidationError) as error:
        Notifier.model_validate({**HOOK, **fields})
    assert told in str(error.value)


def test_addresses_and_keys_are_secrets_and_budgets_must_exist() -> None:
    """Both are sealed and masked; references are checked."""
    assert change_secrets(HOOK, Notifier, lambda change: "*") == {"type": "webhook", "url": "*", "secret": "*"}
    assert [one.id for one in KINDS["notifiers"].referenced({"budgets": ["a", "b"]})] == ["a", "b"]
