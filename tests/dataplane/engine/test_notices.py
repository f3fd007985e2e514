"""What listeners get: a sentence, figures, and a signature they can check."""

import hashlib
import hmac
import json

from tollhouse.dataplane.engine.notices import DELIVERY, SIGNATURE, alert_event, event_of, mail, rendered
from tollhouse.dataplane.spending import Alert, Crossing

CROSSING = Crossing("team", "team|consumer=coder|model=gpt-4o", 60, 80, 8_100_000_000, 10_000_000_000, "usd")


def test_an_event_says_it_all() -> None:
    """Who, how much of what, where; the delivery is the same however often it is told."""
    event = event_of(CROSSING, "node-1", 1_795_000_000)
    assert event["text"] == "Budget team (consumer=coder, model=gpt-4o) is at 80 %: 8.10 of 10.00 USD used or held."
    assert (event["percent"], event["used"], event["node"]) == (80, "8.10", "node-1")
    assert event["delivery"] == event_of(CROSSING, "node-1", 1_795_000_099)["delivery"]
    assert event["delivery"] != event_of(CROSSING, "node-2", 1_795_000_000)["delivery"]


def test_a_webhooks_signature_can_be_checked() -> None:
    """HMAC-SHA256 over the time and the body, so that neither can be changed nor used again later."""
    event = event_of(CROSSING, "n", 1.0)
    body, headers = rendered("webhook", event, "shared secret", 1234.5)
    moment, signed = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    assert moment == "1234"
    assert hmac.new(b"shared secret", b"1234." + body, hashlib.sha256).hexdigest() == signed
    assert json.loads(body)["delivery"] == headers[DELIVERY]


def test_slack_gets_a_line() -> None:
    """The format of incoming webhooks; nothing is signed."""
    body, headers = rendered("slack", event_of(CROSSING, "n", 1.0), "", 1.0)
    assert set(json.loads(body)) == {"text"}
    assert SIGNATURE not in headers


def test_pagerduty_gets_one_incident_per_budget_and_scope() -> None:
    """Further thresholds join it; a full budget is critical; the key is nowhere but in its field."""
    body, headers = rendered("pagerduty", event_of(CROSSING, "n", 1.0), "", 1.0, "routing-key")
    told = json.loads(body)
    assert (told["routing_key"], told["event_action"], told["payload"]["severity"]) == (
        "routing-key",
        "trigger",
        "warning",
    )
    assert told["dedup_key"] == "tollhouse/budget_threshold/team|consumer=coder|model=gpt-4o"
    assert told["payload"]["custom_details"]["used"] == "8.10"
    full = event_of(
        CROSSING.__class__(*[getattr(CROSSING, n) for n in ("budget", "key", "bucket")], 100, 2, 2, "usd"), "n", 1
    )
    again = json.loads(rendered("pagerduty", full, "", 1.0, "k")[0])
    assert (again["dedup_key"], again["payload"]["severity"]) == (told["dedup_key"], "critical")
    assert "routing-key" not in str(headers)


def test_an_approval_carries_its_link() -> None:
    """As a link in incidents, in the sentence elsewhere, in a mail's text but not its subject; one line of subject."""
    alert = Alert("approval_requested", "approval a1", "coder needs\nmore", "day", {"link": "https://gw/approve/t"})
    event = alert_event(alert, "n", 1_795_000_000, "a1")
    assert json.loads(rendered("pagerduty", event, "", 1.0, "k")[0])["links"][0]["href"] == "https://gw/approve/t"
    assert json.loads(rendered("slack", event, "", 1.0)[0])["text"].endswith("Decide: https://gw/approve/t")
    message = mail(event, "gw@a.example", ["ops@a.example", "b@a.example"])
    assert message["Subject"] == "[tollhouse] coder needs more"
    assert (message["To"], message["Message-ID"]) == ("ops@a.example, b@a.example", "<a1@tollhouse>")
    assert "Decide: https://gw/approve/t" in message.get_content()
