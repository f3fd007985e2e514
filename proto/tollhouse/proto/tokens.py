"""JSON Web Tokens: signatures, times, and the key sets of identity providers. Pure: time is an argument.

Nothing a token says of itself is believed before its signature is checked, and a signature is checked with the
algorithms the caller names, never with any the token asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import PyJWTError

ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
)
"""What an identity provider signs with: its public keys are known to everybody."""
SYMMETRIC = frozenset({"HS256", "HS384", "HS512"})
LONGEST = 16 * 1024
"""Characters of a token; longer ones are refused unread."""

_UNTIMED: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class TokenError(ValueError):
    """A token is not good; says why, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a token says about its signature."""

    algorithm: str
    key_id: str


def read_head(token: str) -> Head:
    """Raises TokenError for what is no token."""
    if len(token) > LONGEST:
        raise TokenError("it is too long")
    try:
        told = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError):
        raise TokenError("it is no JSON Web Token") from None
    algorithm, key_id = told.get("alg"), told.get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(key_id, str) or "crit" in told:
        raise TokenError("its header cannot be read")
    return Head(algorithm, key_id)


def unverified_claims(token: str) -> dict[str, Any]:
    """Whose token it claims to be, to find out with which key to check that. Raises TokenError."""
    if len(token) > LONGEST:
        raise TokenError("it is too long")
    unsigned: Any = {**_UNTIMED, "verify_signature": False}
    try:
        claims: dict[str, Any] = jwt.decode(token, options=unsigned)
    except (PyJWTError, ValueError, RecursionError):
        raise TokenError("it is no JSON Web Token") from None
    return claims


def verify(token: str, key: Any, algorithms: Collection[str]) -> dict[str, Any]:
    """The claims of a token signed with this key. Raises TokenError."""
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=list(algorithms), options=_UNTIMED)
    except (PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenError("its signature is not good") from None
    return claims


def check_times(claims: dict[str, Any], now: float, *, leeway_s: float = 0, required: Iterable[str] = ("exp",)) -> None:
    """``exp`` and ``nbf``, which must be there when ``required``. Raises TokenError."""
    for name in required:
        if name not in claims:
            raise TokenError(f"it has no {name}")
    for name in ("exp", "nbf"):
        value = claims.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TokenError(f"its {name} is no time")
        if name == "exp" and value + leeway_s <= now:
            raise TokenError("it has expired")
        if name == "nbf" and value - leeway_s > now:
            raise TokenError("it is not valid yet")


def audiences(claims: dict[str, Any]) -> frozenset[str]:
    """``aud``, which is a text or a list of them."""
    told = claims.get("aud")
    if isinstance(told, str):
        return frozenset({told})
    return frozenset(one for one in told if isinstance(one, str)) if isinstance(told, list) else frozenset()


class KeySet:
    """The public keys of an identity provider. Immutable."""

    def __init__(self, keys: Iterable[tuple[str, str, Any]] = ()) -> None:
        """Key id, algorithm (empty: any that fits), key."""
        self._keys = tuple(keys)

    @classmethod
    def read(cls, document: Any) -> KeySet:
        """Of a JWKS document; keys that are not for signatures, or of kinds we do not know, are left out. Raises
        TokenError when there is none left."""
        listed = document.get("keys") if isinstance(document, dict) else None
        found = []
        for one in listed if isinstance(listed, list) else ():
            if not isinstance(one, dict) or one.get("kty") == "oct" or one.get("use", "sig") != "sig":
                continue
            try:
                key = jwt.PyJWK(one).key
            except (PyJWTError, ValueError, TypeError, KeyError):
                continue
            found.append((str(one.get("kid", "")), str(one.get("alg", "")), key))
        if not found:
            raise TokenError("the key set has no key for signatures")
        return cls(found)

    def __contains__(self, key_id: str) -> bool:
        return any(known == key_id for known, _, _ in self._keys)

    def verify(self, token: str, head: Head, algorithms: Collection[str]) -> dict[str, Any]:
        """The claims of a token signed with one of the keys. Raises TokenError."""
        if head.algorithm not in algorithms or head.algorithm not in ASYMMETRIC:
            raise TokenError(f"its algorithm is none of {', '.join(sorted(ASYMMETRIC.intersection(algorithms)))}")
        fitting = [
            key
            for key_id, algorithm, key in self._keys
            if (not head.key_id or key_id == head.key_id) and algorithm in ("", head.algorithm)
        ]
        for key in fitting[:8]:
            try:
                return verify(token, key, (head.algorithm,))
            except TokenError:
                continue
        raise TokenError("its signature is not good" if fitting else "its key is not in the key set")
