"""Recognising callers by signatures over what they send, as APISIX's clients make them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.plugins.hmac_auth import _read, _Refused

from tests.support.callers import NOW, ask, plugin, snapshot_of
from tests.support.services import plain_services

SECRET = "john-secret-key"
CALLERS = {"consumers/john": {"plugins": {"hmac-auth": {"key_id": "john-key", "secret_key": SECRET}}}}
DATE = formatdate(NOW, usegmt=True)


def signed(
    target: str = "GET /v1/x",
    names: str = "@request-target date",
    algorithm: str = "hmac-sha256",
    secret: str = SECRET,
    key_id: str = "john-key",
    **headers: str,
) -> dict[str, str]:
    """As in APISIX's documentation."""
    told = {"date": DATE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [key_id]
    for name in names.split():
        lines.append(target if name == "@request-target" else f"{name}: {told[name.lower()]}")
    text = ("\n".join(lines) + "\n").encode()
    value = base64.b64encode(hmac.new(secret.encode(), text, algorithm.removeprefix("hmac-")).digest()).decode()
    parts = f'keyId="{key_id}",algorithm="{algorithm}",headers="{names}",signature="{value}"'
    return {**told, "authorization": f"Signature {parts}"}


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha256", "hmac-sha512"])
async def test_a_good_signature_lets_in(algorithm: str) -> None:
    """With method, path and query, date and further headers in the client's order and spelling."""
    snapshot = await snapshot_of(CALLERS)
    headers = signed("POST /v1/x?a=1%20b", "Date @request-target x-custom-a", algorithm, x_custom_a="test")
    one = plugin("hmac-auth", signed_headers=["X-Custom-A"], hide_credentials=True)
    ex = await ask(one, snapshot, headers, method="POST", query="a=1%20b")
    assert (ex.consumer_name, ("authorization", None) in ex.upstream_headers) == ("john", True)


async def test_what_is_not_covered_wrong_or_old_is_refused() -> None:
    """Each with its reason; the secret and the signature stay out of it."""
    snapshot = await snapshot_of(CALLERS)
    other = {
        **signed(),
        "authorization": signed()["authorization"].replace('headers="@request', 'headers="date @request'),
    }
    for headers, config, why in (
        (signed(secret="wrong"), {}, "Invalid signature"),
        (signed("POST /v1/x"), {}, "Invalid signature"),
        ({**signed(), "date": formatdate(NOW + 1, usegmt=True)}, {}, "Invalid signature"),
        (other, {}, "Invalid signature"),
        (signed(key_id="nobody"), {}, "Invalid key_id"),
        (signed(algorithm="hmac-sha1"), {"allowed_algorithms": ["hmac-sha256"]}, "Invalid algorithm"),
        (signed(names="@request-target"), {}, "'date' missing in signing"),
        (signed(), {"signed_headers": ["x-a"]}, "'x-a' missing in signing"),
        (signed(date=formatdate(NOW - 301, usegmt=True)), {}, "Clock skew exceeded"),
        (signed(date="yesterday"), {}, "Invalid GMT format time"),
        ({"authorization": 'Signature keyId="john-key"'}, {}, "signature missing"),
        ({"authorization": "Bearer x"}, {}, "missing Authorization header"),
        ({"authorization": "Signature " + "x" * 9000}, {}, "too long"),
    ):
        with pytest.raises(ClientError) as caught:
            await ask(plugin("hmac-auth", **config), snapshot, headers)
        assert caught.value.status == 401
        assert why in caught.value.message, caught.value.message
        assert SECRET not in caught.value.message


async def test_the_body_is_covered_where_that_is_wanted() -> None:
    """By a Digest that is signed; a header sent twice is signed with both values, or not at all."""
    snapshot, body = await snapshot_of(CALLERS), b'{"a":1}'
    told = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    one = plugin("hmac-auth", validate_request_body=True)

    async def status(headers: dict[str, Any], body: bytes = body) -> int:
        try:
            return 200 if (await ask(one, snapshot, headers, body=body)).consumer_name == "john" else 0
        except ClientError as error:
            return error.status

    names = "@request-target date digest"
    assert await status(signed(names=names, digest=told)) == 200
    assert await status(signed(names=names, digest=told), b'{"a":2}') == 401
    assert await status({**signed(), "digest": told}) == 401
    assert await status(signed()) == 401


async def test_guesses_of_a_key_are_slowed_down_and_good_signatures_pass() -> None:
    """Also of different dates: each is another signature."""
    snapshot, services = await snapshot_of(CALLERS), plain_services()
    one = plugin("hmac-auth", services)
    seen = []
    for number in range(13):
        with pytest.raises(ClientError) as caught:
            await ask(one, snapshot, signed(secret=f"guess {number}"))
        seen.append(caught.value.status)
    assert seen[-1] == 429
    assert (await ask(one, snapshot, signed())).consumer_name == "john"


@given(st.text(max_size=300))
def test_whatever_header_comes_is_a_signature_or_refused(text: str) -> None:
    """No other error."""
    for header in (f"Signature {text}", f'Signature keyId="{text}",algorithm="{text}",signature="{text}"'):
        with contextlib.suppress(_Refused):
            _read(header)
