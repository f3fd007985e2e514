"""Endpoints as people write them."""

from __future__ import annotations

import pytest
from tollhouse.proto.etcd import EtcdSettings


@pytest.mark.parametrize(
    ("endpoint", "target", "secure"),
    [
        ("http://127.0.0.1:2379", "127.0.0.1:2379", False),
        ("https://etcd.example:2379/", "etcd.example:2379", True),
        ("etcd.example:4001", "etcd.example:4001", False),
        ("etcd.example", "etcd.example:2379", False),
        ("http://[::1]:2379", "[::1]:2379", False),
    ],
)
def test_forms_of_an_endpoint(endpoint: str, target: str, secure: bool) -> None:
    """With and without scheme and port; IPv6 in brackets."""
    settings = EtcdSettings((endpoint,))
    assert settings.targets == (target,)
    assert settings.secure is secure


def test_an_authority_turns_tls_on_for_bare_addresses() -> None:
    """Who names a CA means TLS."""
    assert EtcdSettings(("etcd.example:2379",), ca_file="ca.pem").secure


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"endpoints": ()}, "no etcd endpoint"),
        ({"endpoints": ("ftp://a:1",)}, "'ftp://a:1' is not an etcd endpoint"),
        ({"endpoints": ("http://a:b",)}, "is not an etcd endpoint"),
        ({"endpoints": ("http://a:99999",)}, "is not an etcd endpoint"),
        ({"endpoints": ("http://a/path",)}, "is not an etcd endpoint"),
        ({"endpoints": ("http://a:1", "https://b:1")}, "mix http and https"),
        ({"cert_file": "a"}, "both"),
    ],
)
def test_mistakes_are_told(settings: dict[str, object], message: str) -> None:
    """A setting that cannot work is refused at the start, with what is wrong."""
    with pytest.raises(ValueError, match=message):
        EtcdSettings(**settings)  # type: ignore[arg-type]


def test_the_password_does_not_show() -> None:
    """Settings may be logged."""
    assert "hush" not in repr(EtcdSettings(username="u", password="hush"))
