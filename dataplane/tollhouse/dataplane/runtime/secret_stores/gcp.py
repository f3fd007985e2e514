"""Google Secret Manager."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from tollhouse.dataplane.engine.google_jwt import ServiceAccount, assertion
from tollhouse.dataplane.runtime.secret_stores.ask import Asking, StoreError
from tollhouse.proto.resources.secret import GcpAuth, GcpSecret

EARLY_S = 60.0
"""A token is renewed this long before it ends."""


class Gcp:
    """Reads secrets; keeps the access tokens it got. One per node."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}

    async def read(self, store: GcpSecret, private_key: str, name: str) -> str:
        """The text of a secret's latest version. Raises StoreError."""
        account = store.auth_config if store.auth_config is not None else _of_file(store.auth_file or "")
        token = await self._token(account, private_key or account.private_key, store.ssl_verify)
        secret = f"projects/{quote(account.project_id, safe='')}/secrets/{quote(name, safe='')}/versions/latest:access"
        url = f"{account.entries_uri.rstrip('/')}/{secret}"
        headers = {"Authorization": f"Bearer {token}"}
        told = await self._asking.json("GET", url, headers, verify=store.ssl_verify)
        payload = told.get("payload") if isinstance(told, dict) else None
        try:
            return base64.b64decode(payload["data"], validate=True).decode()  # type: ignore[index]
        except (TypeError, KeyError, binascii.Error, UnicodeDecodeError):
            raise StoreError("the secret holds no text (payload.data)") from None

    async def _token(self, account: GcpAuth, private_key: str, verify: bool) -> str:
        place, now = (account.client_email, account.token_uri), time.time()
        token, until = self._tokens.get(place, ("", 0.0))
        if now < until - EARLY_S:
            return token
        try:
            known = ServiceAccount(account.client_email, "", private_key, account.token_uri)
            statement = assertion(known, now, " ".join(account.scope))
        except ValueError as error:
            raise StoreError(str(error)) from None
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": statement}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        told = await self._asking.json("POST", account.token_uri, headers, urlencode(grant).encode(), verify=verify)
        fresh = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(fresh, str):
            raise StoreError("Google's token server answered without a token")
        self._tokens[place] = (fresh, now + float(told.get("expires_in") or 300))
        return fresh


def _of_file(path: str) -> GcpAuth:
    """The account's JSON key file on this node."""
    try:
        with open(path, "rb") as file:
            told: Any = msgspec.json.decode(file.read(1 << 20))
        names = GcpAuth.model_fields
        return GcpAuth.model_validate({name: value for name, value in told.items() if name in names})
    except OSError as error:
        raise StoreError(f"auth_file {path} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError):
        raise StoreError(f"auth_file {path} is not the JSON key file of a service account") from None
