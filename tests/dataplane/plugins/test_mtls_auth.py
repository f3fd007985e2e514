"""Recognising callers by the certificate they showed."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tollhouse.dataplane import registry
from tollhouse.dataplane.errors import ClientError

from tests.support.callers import NOW, ask, plugin, snapshot_of
from tests.support.certificates import Authority


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def by(**config: Any) -> dict[str, Any]:
    return {"plugins": {"mtls-auth": config}}


async def test_a_certificate_is_found_by_its_fingerprint_then_by_its_names(tmp_path: Path) -> None:
    """The most exact wins; a certificate of nobody's, or none, is refused; one that is over as well."""
    authority = Authority(tmp_path)
    exact, named, stranger, over = (der(authority.issue(name)[0]) for name in ("agent-1", "agent-2", "other", "over"))
    printed = ":".join(f"{byte:02X}" for byte in hashlib.sha256(exact).digest())
    snapshot = await snapshot_of(
        {
            "consumers/first": by(fingerprint=printed),
            "consumers/second": by(dns="agent-2"),
            "consumers/third": by(subject="CN=agent-1"),
            "consumers/late": {},
            "credentials/late/c": {**by(dns="over"), "expires_at": NOW - 1},
            "consumers/guest": {},
        }
    )
    one = plugin("mtls-auth")
    assert (await ask(one, snapshot, certificate=exact)).consumer_name == "first"
    assert (await ask(one, snapshot, certificate=named)).consumer_name == "second"
    for shown, code in ((stranger, "unknown_certificate"), (over, "unknown_certificate"), (b"", "missing_certificate")):
        with pytest.raises(ClientError) as caught:
            await ask(one, snapshot, certificate=shown)
        assert (caught.value.status, caught.value.code) == (401, code)
    guest = plugin("mtls-auth", anonymous_consumer="guest")
    assert (await ask(guest, snapshot, certificate=b"garbage")).consumer_name == "guest"


def test_exactly_one_name_is_given() -> None:
    """And a fingerprint that is one."""
    for config in ({}, {"dns": "a", "uri": "b"}, {"fingerprint": "ab:cd"}):
        with pytest.raises(ValidationError):
            registry.load_plugin_config("mtls-auth", config, as_consumer=True)
