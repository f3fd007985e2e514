"""What hashing goes by."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.dispatch.choosing.hash_key import hash_key

from tests.support.dispatching import Bench
from tests.support.services import request


@pytest.mark.parametrize(
    ("hash_on", "key", "value"),
    [
        ("vars", "remote_addr", "10.0.0.9"),
        ("vars", "$uri", "/p"),
        ("vars", "arg_missing", "10.0.0.9"),
        ("header", "X-User", "jack"),
        ("header", "X-Other", "10.0.0.9"),
        ("cookie", "sid", "abc"),
        ("consumer", None, "jill"),
        ("vars_combinations", "$http_x_user:$uri", "jack:/p"),
    ],
)
async def test_the_key_of_a_request(gate: Bench, hash_on: str, key: str | None, value: str) -> None:
    """What is absent is replaced by the client's address."""
    headers = {"x-user": "jack", "cookie": "sid=abc"}
    ex = request(gate.gateway.snapshot, "/p", headers=headers, client_ip="10.0.0.9")
    ex.consumer_name = "jill"
    assert hash_key(hash_on, key)(ex) == value
