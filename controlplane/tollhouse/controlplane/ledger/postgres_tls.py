"""TLS to PostgreSQL, asked for in the address as libpq does: ``?sslmode=verify-full&sslrootcert=FILE``."""

from __future__ import annotations

import ssl
from typing import Any

from sqlalchemy import URL

MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey"})


def tls_of(url: URL) -> tuple[URL, dict[str, Any]]:
    """The address without these options, and what the driver takes in their place. Raises ValueError."""
    told = {name: str(value) for name, value in url.query.items() if name in OPTIONS}
    if not told:
        return url, {}
    mode = told.get("sslmode", "verify-full" if "sslrootcert" in told else "prefer")
    if mode not in MODES:
        raise ValueError(f"sslmode: there are {', '.join(MODES)}; came {mode!r}")
    plain = url.difference_update_query(tuple(OPTIONS))
    if mode in ("disable", "prefer"):
        if told.keys() - {"sslmode"}:
            raise ValueError(f"sslmode={mode} uses no certificates; write require, verify-ca or verify-full")
        return plain, {"ssl": False if mode == "disable" else "prefer"}
    return plain, {"ssl": _context(mode, told)}


def _context(mode: str, told: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=told.get("sslrootcert"))
        context.check_hostname = mode == "verify-full"
        if mode == "require" and "sslrootcert" not in told:  # libpq: encrypted, whoever it is
            context.verify_mode = ssl.CERT_NONE
        if "sslcert" in told:
            context.load_cert_chain(told["sslcert"], told.get("sslkey"))
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"sslrootcert, sslcert or sslkey cannot be used: {error.strerror or error}") from None
    return context
