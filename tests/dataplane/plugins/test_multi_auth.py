"""Letting in whom any of several plugins recognises."""

from __future__ import annotations

import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.proto.sealing import digest

from tests.support.callers import ask, plugin, snapshot_of
from tests.support.services import plain_services

CALLERS = {
    "consumers/keyed": {"plugins": {"key-auth": {"key": digest("sk-keyed")}}},
    "consumers/certified": {"plugins": {"mtls-auth": {"fingerprint": "ab" * 32}}},
}
BOTH = [{"mtls-auth": {}}, {"hmac-auth": {}}, {"key-auth": {"header": "x-key"}}]


async def test_the_first_that_recognises_the_caller_decides() -> None:
    """And when none does, the refusal tells of all."""
    snapshot = await snapshot_of(CALLERS)
    one = plugin("multi-auth", auth_plugins=BOTH)
    assert (await ask(one, snapshot, {"x-key": "sk-keyed"})).consumer_name == "keyed"
    with pytest.raises(ClientError) as caught:
        await ask(one, snapshot, {"x-key": "sk-wrong"})
    assert (caught.value.status, caught.value.apisix_body) == (401, {"message": "Authorization Failed"})
    assert "Invalid API key" in caught.value.message
    assert "No client certificate" in caught.value.message


async def test_guessing_is_slowed_down_through_it_as_well() -> None:
    """The 429 of one is the answer."""
    snapshot = await snapshot_of(CALLERS)
    one = plugin("multi-auth", plain_services(), auth_plugins=BOTH)
    for number in range(12):
        with pytest.raises(ClientError) as caught:
            await ask(one, snapshot, {"x-key": f"sk-wrong-{number}"})
    assert caught.value.status == 429


@pytest.mark.parametrize(
    "listed",
    [
        [{"key-auth": {}}],
        [{"key-auth": {}}, {"cors": {}}],
        [{"key-auth": {}}, {"key-auth": {"header": "not a name"}}],
        [{"key-auth": {}}, {"jwt-auth": {}, "hmac-auth": {}}],
        [{"key-auth": {}}, {"multi-auth": {}}],
    ],
)
def test_only_authentication_plugins_one_by_one(listed: list[dict[str, dict[str, str]]]) -> None:
    """At least two."""
    with pytest.raises(ValueError):
        plugin("multi-auth", auth_plugins=listed)
