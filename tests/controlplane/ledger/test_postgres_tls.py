"""What libpq's options in an address mean for our driver."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tollhouse.controlplane.ledger.postgres_tls import tls_of

from tests.support.certificates import Authority

BASE = "postgresql+asyncpg://u@h/d"


def test_modes(tmp_path: Path) -> None:
    """Each as libpq has it; the options do not reach the driver."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("client")
    assert tls_of(make_url(f"{BASE}?application_name=x")) == (make_url(f"{BASE}?application_name=x"), {})
    assert tls_of(make_url(f"{BASE}?sslmode=disable")) == (make_url(BASE), {"ssl": False})
    assert tls_of(make_url(f"{BASE}?sslmode=prefer")) == (make_url(BASE), {"ssl": "prefer"})
    seen = {}
    for query in (
        "sslmode=require",
        f"sslmode=verify-ca&sslrootcert={authority.ca_file}",
        f"sslrootcert={authority.ca_file}&sslcert={cert}&sslkey={key}",
    ):
        plain, told = tls_of(make_url(f"{BASE}?{query}"))
        assert plain == make_url(BASE)
        seen[query.partition("&")[0].partition("/")[0]] = (told["ssl"].verify_mode, told["ssl"].check_hostname)
    assert seen == {
        "sslmode=require": (ssl.CERT_NONE, False),
        "sslmode=verify-ca": (ssl.CERT_REQUIRED, False),
        "sslrootcert=": (ssl.CERT_REQUIRED, True),
    }


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("sslmode=maybe", "there are disable"),
        ("sslmode=disable&sslrootcert=/x", "uses no certificates"),
        ("sslmode=verify-full&sslrootcert=/nowhere.pem", "cannot be used"),
    ],
)
def test_what_cannot_work_is_refused(query: str, why: str) -> None:
    """With a sentence for the operator."""
    with pytest.raises(ValueError, match=why):
        tls_of(make_url(f"{BASE}?{query}"))
