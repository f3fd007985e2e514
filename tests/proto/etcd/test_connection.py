"""TLS, mutual TLS, and passwords over TLS and in clear."""

from __future__ import annotations

from pathlib import Path

import pytest
from tollhouse.proto.etcd import EtcdClient, EtcdSettings, EtcdUnavailable

from tests.support.certificates import Authority
from tests.support.etcd_server import EtcdServer


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def server_flags(authority: Authority, *, mutual: bool) -> tuple[str, ...]:
    cert, key = authority.issue("server")
    flags = ("--cert-file", str(cert), "--key-file", str(key))
    return (*flags, "--trusted-ca-file", str(authority.ca_file), "--client-cert-auth") if mutual else flags


async def test_tls(tmp_path: Path, authority: Authority) -> None:
    """A server is believed only when the given authority signed its certificate."""
    etcd = EtcdServer(tmp_path, scheme="https", extra=server_flags(authority, mutual=False)).start()
    try:
        async with EtcdClient(etcd.settings(ca_file=str(authority.ca_file))) as client:
            await client.put("/a", b"1")
            watch = client.watch("/", 1)
            assert (await anext(watch)).events[0].kv.value == b"1"
            await watch.aclose()
        foreign = Authority(tmp_path / "other", "another authority")
        async with EtcdClient(etcd.settings(ca_file=str(foreign.ca_file), timeout_s=2.0)) as client:
            with pytest.raises(EtcdUnavailable):
                await client.get("/a")
        async with EtcdClient(EtcdSettings((f"http://{etcd.address}",), timeout_s=2.0)) as client:
            with pytest.raises(EtcdUnavailable):
                await client.get("/a")
    finally:
        etcd.kill()


async def test_mutual_tls(tmp_path: Path, authority: Authority) -> None:
    """A server that asks for a certificate lets in those that have one."""
    etcd = EtcdServer(tmp_path, scheme="https", extra=server_flags(authority, mutual=True)).start()
    cert, key = authority.issue("node")
    try:
        settings = etcd.settings(ca_file=str(authority.ca_file), cert_file=str(cert), key_file=str(key))
        async with EtcdClient(settings) as client:
            await client.put("/a", b"1")
        async with EtcdClient(etcd.settings(ca_file=str(authority.ca_file), timeout_s=2.0)) as client:
            with pytest.raises(EtcdUnavailable):
                await client.get("/a")
    finally:
        etcd.kill()


async def test_a_password_over_tls(tmp_path: Path, authority: Authority) -> None:
    """The token goes the same way over TLS as in clear."""
    etcd = EtcdServer(tmp_path, scheme="https", extra=server_flags(authority, mutual=False)).start()
    try:
        flags = ("--cacert", str(authority.ca_file))
        etcd.ctl(*flags, "user", "add", "root:secret")
        etcd.ctl(*flags, "user", "grant-role", "root", "root")
        etcd.ctl(*flags, "auth", "enable")
        settings = etcd.settings(ca_file=str(authority.ca_file), username="root", password="secret")
        async with EtcdClient(settings) as client:
            await client.put("/a", b"1")
            assert await client.lease_grant(5)
    finally:
        etcd.kill()
