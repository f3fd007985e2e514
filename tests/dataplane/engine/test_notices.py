"""What listeners get: a sentence, figures, and a signature they can check."""

import hashlib
import hmac
import json

from tollhouse.dataplane.engine.notices import DELIVERY, SIGNATURE, event_of, rendered
from tollhouse.dataplane.spending import Crossing

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
