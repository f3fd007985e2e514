"""Certificates and keys given as text, for a TLS library that only reads files."""

from __future__ import annotations

import os
import ssl
import tempfile
from typing import Any


def load_pem_chain(context: ssl.SSLContext, cert: str, key: str) -> None:
    """``load_cert_chain`` from text. The file that exists for a moment lives in memory where the system can do that,
    and is readable by us alone anywhere. Raises ssl.SSLError or OSError."""
    text = f"{key.strip()}\n{cert.strip()}\n".encode("ascii", "replace")
    if hasattr(os, "memfd_create"):
        handle, path = os.memfd_create("pem", os.MFD_CLOEXEC), ""
    else:
        handle, path = tempfile.mkstemp(prefix="tollhouse-", suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            context.load_cert_chain(path or f"/proc/self/fd/{handle}", password=_no_password)
    finally:
        if path:
            os.unlink(path)


def _no_password(*_: Any) -> str:
    """Without this OpenSSL would ask on the terminal for the passphrase of an encrypted key."""
    return ""
