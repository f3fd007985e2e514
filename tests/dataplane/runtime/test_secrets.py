"""Secrets of configs on a node."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.config.objects import RawObject
from tollhouse.dataplane.errors import GatewayFault
from tollhouse.dataplane.runtime.node.masking import masked_json
from tollhouse.dataplane.runtime.secrets import NodeSecrets
from tollhouse.proto.sealing import Sealer

KEY = "an-operators-sealing-key"
ENVIRON = {"TOLLHOUSE_ADMIN_KEY": "v1", "PLAIN": "v1", "DOC": '{"key": "v2", "number": 7}', "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("just text", "just text"),
        ("$100 off", "$100 off"),
        ("$env://PLAIN", "v1"),
        ("$ENV://PLAIN", "v1"),
        ("$env://DOC/key", "v2"),
        ("$env://DOC/number", "7"),
        ("$env://EMPTY", ""),
    ],
)
def test_references_are_resolved_and_other_text_is_left_alone(text, value):
    assert NodeSecrets("", ENVIRON).reveal(text) == value


def test_sealed_values_open_with_the_operators_key():
    sealed = Sealer([KEY]).seal("hunter2")
    assert NodeSecrets(KEY, {}).reveal(sealed) == "hunter2"
    with pytest.raises(GatewayFault) as closed:
        NodeSecrets("", {}).reveal(sealed)
    assert "TOLLHOUSE_SEALING_KEY" in closed.value.message
    assert "hunter2" not in closed.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("$env://NOT_THERE", "no environment variable NOT_THERE"),
        ("$env://PLAIN/key", "does not hold JSON"),
        ("$env://TOLLHOUSE_ADMIN_KEY", "no variable a configuration may use"),
        ("$env://DOC/none", "has no field 'none'"),
        ("$secret://vault/1/key", "it has not been fetched yet"),
    ],
)
def test_what_cannot_be_resolved_names_the_reference_and_never_a_value(text, told):
    with pytest.raises(GatewayFault) as fault:
        NodeSecrets("", ENVIRON).reveal(text)
    assert fault.value.code == "secret_unavailable"
    assert text in fault.value.message
    assert told in fault.value.message
    assert "v1" not in fault.value.message


def test_shown_objects_have_their_secrets_masked():
    value = b'{"plugins": {"limit-count": {"count": 1, "time_window": 1, "redis_password": "hunter2"}}, "uri": "/"}'
    shown = masked_json(RawObject("routes", "1", value, 3))
    assert b"hunter2" not in shown
    assert b"********" in shown
    consumer = b'{"username": "a", "plugins": {"key-auth": {"key": "sha256:abc"}}}'
    assert b"sha256:abc" not in masked_json(RawObject("consumers", "a", consumer, 3))


@pytest.mark.parametrize("raw", [b"{broken hunter2", b'["hunter2"]'])
def test_an_object_that_cannot_be_read_is_not_shown(raw):
    shown = masked_json(RawObject("plugin_metadata", "no-such", raw, 3)) + masked_json(RawObject("routes", "1", raw, 3))
    assert b"hunter2" not in shown
