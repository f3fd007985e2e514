from __future__ import annotations

import logging

import pytest

from tests.controlplane.plane import Plane

KEY = "sk-agent-key-0123456789"
AUTH = {"plugins": {"key-auth": {"key": KEY}}}


async def test_key_is_stored_as_a_digest(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    """A consumer's key is stored as its digest, shown as a mask, and stands in no answer, log or etcd value."""
    with caplog.at_level(logging.DEBUG):
        put = await plane.call("PUT", "consumers/jack", {"username": "jack", **AUTH})
        assert put.status == 201, put.text
        got = await plane.call("GET", "consumers/jack")
        listed = await plane.call("GET", "consumers")
    assert got.body["value"]["plugins"]["key-auth"]["key"] == "********"
    stored = await plane.etcd.get(f"{plane.prefix}/consumers/jack")
    assert stored is not None
    assert b"sha256:" in stored.value
    for text in (put.text, got.text, listed.text, caplog.text, stored.value.decode()):
        assert KEY not in text


async def test_mask_keeps_the_key(plane: Plane) -> None:
    """Writing back what GET showed keeps the stored key; a mask for which nothing is stored is refused."""
    await plane.call("PUT", "consumers/jack", {"username": "jack", **AUTH})
    before = await plane.etcd.get(f"{plane.prefix}/consumers/jack")
    shown = (await plane.call("GET", "consumers/jack")).body["value"]
    shown = {key: value for key, value in shown.items() if not key.endswith("_time")}
    assert (await plane.call("PUT", "consumers/jack", {**shown, "desc": "x"})).status == 200
    after = await plane.etcd.get(f"{plane.prefix}/consumers/jack")
    assert before is not None
    assert after is not None
    digest = before.value[before.value.index(b"sha256:") :][:71]
    assert digest in after.value
    refused = await plane.call("PUT", "consumers/jill", {**shown, "username": "jill"})
    assert refused.status == 400
    assert "mask" in refused.body["error_msg"]


async def test_duplicate_keys(plane: Plane) -> None:
    """No two consumers or credentials have the same key; references are exempt."""
    await plane.call("PUT", "consumers/jack", {"username": "jack", **AUTH})
    refused = await plane.call("PUT", "consumers/jill", {"username": "jill", **AUTH})
    assert refused.status == 400
    assert refused.body == {"error_msg": "duplicate key of plugin key-auth found with consumer: jack"}
    assert (await plane.call("PUT", "consumers/jill", {"username": "jill"})).status == 201
    refused = await plane.call("PUT", "consumers/jill/credentials/c", AUTH)
    assert refused.body == {"error_msg": "duplicate key of plugin key-auth found with consumer: jack"}
    reference = {"plugins": {"key-auth": {"key": "$env://AGENT_KEY"}}}
    for name in ("a", "b"):
        assert (await plane.call("PUT", f"consumers/{name}", {"username": name, **reference})).status == 201
    assert (await plane.call("PUT", "consumers/jack", {"username": "jack", **AUTH})).status == 200


async def test_credentials(plane: Plane) -> None:
    """Credentials live under a consumer that exists, hold one authentication plugin, and go with their consumer."""
    path = "consumers/jack/credentials"
    missing = await plane.call("PUT", f"{path}/one", AUTH)
    assert (missing.status, missing.body) == (404, {"error_msg": "consumer not found"})
    await plane.call("PUT", "consumers/jack", {"username": "jack"})
    assert (await plane.call("GET", path)).status == 404
    put = await plane.call("PUT", f"{path}/one", AUTH)
    assert put.status == 201, put.text
    assert put.body["key"] == f"{plane.prefix}/consumers/jack/credentials/one"
    assert put.body["value"]["id"] == "one"
    listed = await plane.call("GET", path)
    assert (listed.body["total"], listed.body["list"][0]["value"]["id"]) == (1, "one")
    assert (await plane.call("GET", "consumers")).body["total"] == 1
    two = {"plugins": {**AUTH["plugins"], "basic-auth": {"username": "a", "password": "b"}}}
    assert (await plane.call("PUT", f"{path}/two", two)).status == 400
    other = await plane.call("PUT", f"{path}/two", {"plugins": {"cors": {}}})
    assert other.status == 400
    assert "only supports auth type plugins in consumer credential" in other.body["error_msg"]
    assert (await plane.call("DELETE", "consumers/jack")).body["deleted"] == "1"
    assert (await plane.call("GET", f"{path}/one")).status == 404
    assert not (await plane.etcd.get_prefix(f"{plane.prefix}/consumers/")).kvs


async def test_ssl_keys_are_never_returned(plane: Plane) -> None:
    """A certificate's key is sealed in etcd and missing from every answer."""
    cert, key = certificate()
    put = await plane.call("PUT", "ssls/1", {"sni": "gateway.example", "cert": cert, "key": key})
    assert put.status == 201, put.text
    got = await plane.call("GET", "ssls/1")
    assert "key" not in got.body["value"]
    stored = await plane.etcd.get(f"{plane.prefix}/ssls/1")
    assert stored is not None
    assert b"$sealed://" in stored.value
    for text in (put.text, got.text, stored.value.decode()):
        assert "PRIVATE KEY" not in text
    patched = await plane.call("PATCH", "ssls/1", {"desc": "x"})
    assert patched.status == 200, patched.text
    after = await plane.etcd.get(f"{plane.prefix}/ssls/1")
    assert after is not None
    assert b"$sealed://" in after.value


def certificate() -> tuple[str, str]:
    """A self-signed certificate and its key, PEM."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return cert.public_bytes(pem).decode(), private.decode()
