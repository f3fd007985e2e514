from __future__ import annotations

import dataclasses
import datetime
import ssl
from pathlib import Path

import aiohttp
import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tollhouse.controlplane.app import ControlPlane
from tollhouse.controlplane.settings import TlsFiles
from tollhouse.proto.admin.v1 import config_pb2 as pb
from tollhouse.proto.admin.v1 import config_pb2_grpc

from tests.controlplane.plane import ADMIN, METADATA, Plane
from tests.support.etcd_server import EtcdServer


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 that may also sign, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(cert.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


async def test_mutual_tls(shared_etcd: EtcdServer, tmp_path: Path) -> None:
    """With a client CA both faces speak TLS only, and only to clients that show a certificate."""
    cert, key = certificate(tmp_path)
    settings = dataclasses.replace(
        Plane(shared_etcd.endpoint).settings, admin_tls=TlsFiles(str(cert), str(key), str(cert))
    )
    plane = ControlPlane(settings)
    await plane.start()
    try:
        trusting = ssl.create_default_context(cafile=str(cert))
        url = f"https://localhost:{plane.admin_port}/apisix/admin/routes"
        async with aiohttp.ClientSession(headers={"X-API-KEY": ADMIN}) as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get(url, ssl=trusting)
            trusting.load_cert_chain(cert, key)
            async with session.get(url, ssl=trusting) as response:
                assert response.status == 200
        pair = (key.read_bytes(), cert.read_bytes())
        for shown, code in ((pair, None), ((None, None), grpc.StatusCode.UNAVAILABLE)):
            credentials = grpc.ssl_channel_credentials(cert.read_bytes(), *shown)
            async with grpc.aio.secure_channel(f"localhost:{plane.grpc_port}", credentials) as channel:
                call = config_pb2_grpc.ConfigServiceStub(channel).List(
                    pb.ListRequest(kind="routes"), metadata=METADATA, timeout=5
                )
                if code is None:
                    assert (await call).total == 0
                else:
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await call
                    assert caught.value.code() is code
    finally:
        await plane.close()


async def test_cors_when_configured(shared_etcd: EtcdServer) -> None:
    """With an origin configured, OPTIONS answers before the key is asked for, and answers name the origin."""
    settings = dataclasses.replace(Plane(shared_etcd.endpoint).settings, cors_origin="https://console.example")
    plane = ControlPlane(settings)
    await plane.start()
    try:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{plane.admin_port}/apisix/admin/routes"
            async with session.options(url) as response:
                assert response.status == 200
                assert response.headers["Access-Control-Allow-Origin"] == "https://console.example"
            async with session.get(url) as response:
                assert response.status == 401
                assert response.headers["Access-Control-Allow-Origin"] == "https://console.example"
    finally:
        await plane.close()
