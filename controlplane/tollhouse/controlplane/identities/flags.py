"""The flags of the identity provider, and the keys a file brings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import orjson
from tollhouse.controlplane.access import AdminKey
from tollhouse.controlplane.identities.oidc import OidcSettings, read_roles
from tollhouse.controlplane.permissions import ROLES

_FLAGS = {
    "issuer": "issuer of the identity provider (https://idp.example.com/realms/x): its tokens are taken",
    "audience": "what bearer tokens must be meant for (aud); empty: none are taken",
    "roles": "which of the provider's roles are which of ours: gateway-admins=admin,finance-team=finance",
    "role-claim": "claim with the provider's roles; dots lead into objects (default roles)",
    "name-claim": "claim with the name shown in the history (default email, then sub)",
    "groups-claim": "claim with consumer groups the identity is narrowed to (default: not narrowed)",
    "client-id": "client of the console at the provider; empty: nobody signs in to the console there "
    "(its secret: TOLLHOUSE_OIDC_CLIENT_SECRET)",
    "ca": "CA of the provider's certificate (PEM; default: the system's)",
}


def add_oidc_flags(flags: argparse.ArgumentParser) -> None:
    """``--oidc-*``; each is also a variable ``TOLLHOUSE_OIDC_*``."""
    for name, text in _FLAGS.items():
        flags.add_argument(f"--oidc-{name}", help=f"{text} (env TOLLHOUSE_OIDC_{name.upper().replace('-', '_')})")


def read_oidc(arguments: argparse.Namespace, env: Mapping[str, str]) -> OidcSettings | None:
    """None without an issuer. Raises ValueError with a sentence for the operator."""
    told = {}
    for name in _FLAGS:
        key = name.replace("-", "_")
        value = getattr(arguments, f"oidc_{key}", None) or env.get(f"TOLLHOUSE_OIDC_{key.upper()}", "")
        if value:
            told[key] = value
    issuer = told.get("issuer", "")
    if not issuer:
        if told:
            raise ValueError(f"--oidc-{next(iter(told)).replace('_', '-')} needs --oidc-issuer")
        return None
    if not issuer.startswith(("https://", "http://")):
        raise ValueError(f"--oidc-issuer: expected an https:// address, came {issuer!r}")
    roles = read_roles(told.pop("roles", ""))
    if not roles:
        raise ValueError("--oidc-issuer needs --oidc-roles, or nobody is let in: --oidc-roles gateway-admins=admin")
    if not told.get("audience") and not told.get("client_id"):
        raise ValueError("--oidc-issuer needs --oidc-audience (bearer tokens), --oidc-client-id (the console), or both")
    if told.get("ca") and not os.access(told["ca"], os.R_OK):
        raise ValueError(f"--oidc-ca: {told['ca']} cannot be read")
    return OidcSettings(**told, roles=roles, client_secret=env.get("TOLLHOUSE_OIDC_CLIENT_SECRET", ""))


def keys_of_file(file: str) -> list[AdminKey]:
    """Of ``--admin-keys-file``. Raises ValueError."""
    try:
        entries = orjson.loads(Path(file).read_bytes())
    except OSError as error:
        raise ValueError(f"--admin-keys-file: {file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise ValueError(f"--admin-keys-file: {file} is not JSON (line {error.lineno})") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"--admin-keys-file: {file} must hold a list of objects with name, key and role")
    found = []
    for position, entry in enumerate(entries):
        role, key = entry.get("role", "admin"), entry.get("key")
        if role not in ROLES or not isinstance(key, str):
            raise ValueError(
                f"--admin-keys-file: entry {position} needs a key, and a role: one of {', '.join(ROLES)} "
                "(admin and viewer as in APISIX)"
            )
        found.append(AdminKey.of(key, role, str(entry.get("name") or f"{role}-{position}")))
    return found
