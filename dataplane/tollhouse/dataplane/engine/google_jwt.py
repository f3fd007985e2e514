"""The signed statement a Google service account gets its access tokens for (RFC 7523). Pure: time is an argument."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME_S = 3600


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who asks, and where."""

    email: str
    key_id: str
    private_key: str
    token_uri: str


def read_account(text: str) -> ServiceAccount:
    """The JSON key file Google gives out. Raises ValueError saying what is wrong with it, none of its content."""
    try:
        document: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        document = None
    if not isinstance(document, dict) or document.get("type") != "service_account":
        raise ValueError("the service account is not the JSON key file of one (type: service_account)")
    names = ("client_email", "private_key_id", "private_key", "token_uri")
    values: list[str] = [value for name in names if isinstance(value := document.get(name), str) and value]
    if len(values) < len(names):
        raise ValueError("the service account's JSON lacks client_email, private_key_id, private_key or token_uri")
    return ServiceAccount(*values)


def assertion(account: ServiceAccount, now: float, scope: str = SCOPE) -> str:
    """The statement, good for an hour. Raises ValueError when the private key cannot be used."""
    try:
        key = serialization.load_pem_private_key(account.private_key.encode(), None)
    except (ValueError, TypeError):
        raise ValueError("the private key of the service account is not a PEM key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the private key of the service account is not an RSA key")
    head = {"alg": "RS256", "typ": "JWT", **({"kid": account.key_id} if account.key_id else {})}
    issued = int(now)
    claims = {"iss": account.email, "scope": scope, "aud": account.token_uri, "iat": issued, "exp": issued + LIFETIME_S}
    text = f"{_encode(msgspec.json.encode(head))}.{_encode(msgspec.json.encode(claims))}"
    return f"{text}.{_encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
