"""Signed links that decide one approval without a key: HMAC over its id and expiry. Pure.

A link is good once: it decides only what is still pending. It shows in no listing and is stored nowhere; every control
plane with the same sealing key makes and knows the same ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

_TOKEN = re.compile(r"([a-zA-Z0-9-]{1,64})\.(\d{1,12})\.([A-Za-z0-9_-]{43})\Z")


class Links:
    """Immutable; shared by all requests."""

    def __init__(self, sealing_key: str, public_url: str) -> None:
        """``sealing_key``: the first of several signs, all are known. Without a key or an address there are none."""
        keys = [key.strip() for key in sealing_key.split(",") if key.strip()]
        self._keys = [hmac.digest(key.encode(), b"tollhouse approval links v1", "sha256") for key in keys]
        self._public_url = public_url.rstrip("/")

    @property
    def offered(self) -> bool:
        """Whether there are links at all."""
        return bool(self._keys and self._public_url)

    def make(self, approval_id: str, expires_at: int) -> str:
        """The link's address; empty where none are offered."""
        if not self.offered:
            return ""
        return f"{self._public_url}/approve/{approval_id}.{expires_at}.{_sign(self._keys[0], approval_id, expires_at)}"

    def read(self, token: str, now: float) -> str | None:
        """The id of the approval a token decides; None for one that is forged, foreign or over."""
        found = _TOKEN.match(token)
        if found is None or not self.offered:
            return None
        approval_id, expires_at = found[1], int(found[2])
        genuine = False
        for key in self._keys:
            genuine |= hmac.compare_digest(_sign(key, approval_id, expires_at), found[3])
        return approval_id if genuine and now < expires_at else None


def _sign(key: bytes, approval_id: str, expires_at: int) -> str:
    signed = hmac.new(key, f"{approval_id}.{expires_at}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
