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
        ({"type": "pagerduty"}, "secret: only a webhook notifier"),
        ({"type": "pagerduty", "secret": None}, "routing_key: missing"),
        ({"type": "smtp", "secret": None}, "smtp://"),
        ({"type": "smtp", "secret": None, "url": "smtp://mail"}, "a mail needs both"),
        ({"to": ["nobody"]}, "is no mail address"),
        ({"routing_key": "r"}, "only a pagerduty notifier"),
        ({"type": "slack"}, "only a webhook notifier"),
        ({"url": "ftp://x"}, "http://"),
        ({"events": ["all"]}, "events"),
    ],
)
def test_what_has_no_effect_is_refused(fields: dict[str, Any], told: str) -> None:
    """By name, with the remedy."""
    with pytest.raises(ValidationError) as error:
        Notifier.model_validate({**HOOK, **fields})
    assert told in str(error.value)


def test_mails_and_incidents() -> None:
    """What each needs, and no more; a user needs a password."""
    mail = {"type": "smtp", "url": "smtps://mail.example", "sender": "gw@a.example", "to": ["ops@a.example"]}
    assert Notifier.model_validate(mail).starttls
    assert Notifier.model_validate({"type": "pagerduty", "routing_key": "$env://PD"}).url is None
    with pytest.raises(ValidationError, match="give both, or neither"):
        Notifier.model_validate({**mail, "username": "gw"})


def test_addresses_and_keys_are_secrets_and_budgets_must_exist() -> None:
    """Both are sealed and masked; references are checked."""
    assert change_secrets(HOOK, Notifier, lambda change: "*") == {"type": "webhook", "url": "*", "secret": "*"}
    mail = {"type": "smtp", "url": "smtp://m", "password": "p", "to": ["a@b"]}
    assert change_secrets(mail, Notifier, lambda change: "*")["password"] == "*"
    assert [one.id for one in KINDS["notifiers"].referenced({"budgets": ["a", "b"]})] == ["a", "b"]
