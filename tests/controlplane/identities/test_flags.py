"""What the control plane is told of an identity provider, and keys from a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from tollhouse.controlplane.identities.flags import add_oidc_flags, keys_of_file, read_oidc
from tollhouse.controlplane.identities.oidc import OidcSettings

IDP = "https://idp.example.com"


def read(*flags: str, **env: str) -> OidcSettings | None:
    parser = argparse.ArgumentParser()
    add_oidc_flags(parser)
    return read_oidc(parser.parse_args(flags), env)


def test_flags_win_over_the_environment_and_the_secret_has_no_flag() -> None:
    """Nothing said: no provider."""
    assert read() is None
    told = read(
        "--oidc-issuer", IDP, "--oidc-roles", "ops=operator", TOLLHOUSE_OIDC_AUDIENCE="x", TOLLHOUSE_OIDC_ISSUER="y"
    )
    assert told == OidcSettings(IDP, "x", {"ops": "operator"})
    secret = read(
        "--oidc-issuer", IDP, "--oidc-roles", "a=admin", "--oidc-client-id", "c", TOLLHOUSE_OIDC_CLIENT_SECRET="s3cret"
    )
    assert secret is not None
    assert secret.client_secret == "s3cret"
    assert "s3cret" not in repr(secret)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--oidc-audience", "x"), "needs --oidc-issuer"),
        (("--oidc-issuer", "idp"), "expected an https:// address"),
        (("--oidc-issuer", IDP), "nobody is let in"),
        (("--oidc-issuer", IDP, "--oidc-roles", "a=king"), "VALUE=ROLE"),
        (("--oidc-issuer", IDP, "--oidc-roles", "a=admin"), "--oidc-audience"),
        (("--oidc-issuer", IDP, "--oidc-roles", "a=admin", "--oidc-audience", "x", "--oidc-ca", "/none"), "cannot be"),
    ],
)
def test_what_does_not_fit_is_said(flags: tuple[str, ...], why: str) -> None:
    """Before anything starts."""
    with pytest.raises(ValueError, match=why):
        read(*flags)


def test_keys_of_a_file_have_any_role(tmp_path: Path) -> None:
    """A node's among them; unknown roles are refused."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([{"name": "n", "key": "k" * 20, "role": "node"}, {"key": "v" * 20, "role": "viewer"}]))
    assert [(key.name, key.role) for key in keys_of_file(str(file))] == [("n", "node"), ("viewer-1", "viewer")]
    file.write_text('[{"key": "kkkkkkkkkkkkkkkkkkkk", "role": "king"}]')
    with pytest.raises(ValueError, match="entry 0"):
        keys_of_file(str(file))
