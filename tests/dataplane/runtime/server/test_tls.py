"""Certificates by server name, and client certificates where they are wanted."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tollhouse.dataplane.runtime.pem import load_pem_chain
from tollhouse.dataplane.runtime.server.settings import ServerSettings
from tollhouse.dataplane.runtime.server.traffic import TrafficServer
from tollhouse.proto.resources.ssl import Ssl


def certificate(name, issuer=None, authority=False):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(ca=authority or issuer is None, path_length=None), True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    return cert, key


def cert_pem(pair):
    return pair[0].public_bytes(serialization.Encoding.PEM).decode()


def key_pem(pair):
    return (
        pair[1]
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


AUTHORITY = certificate("ca.test")
OTHER_AUTHORITY = certificate("other-ca.test")


def ssl_object(*names, **more):
    pair = certificate(names[0].replace("*", "wild"), AUTHORITY)
    return Ssl.model_validate({"cert": cert_pem(pair), "key": key_pem(pair), "snis": list(names), **more})


def client_chain(depth=0, authority=AUTHORITY):
    """A client certificate with ``depth`` intermediate authorities, as (chain, key)."""
    issuer, chain = authority, []
    for number in range(depth):
        issuer = certificate(f"intermediate-{number}.test", issuer, authority=True)
        chain.insert(0, cert_pem(issuer))
    leaf = certificate("agent.test", issuer)
    return cert_pem(leaf) + "".join(chain), key_pem(leaf)


def ask(port, name, host=None, client=None, version=None):
    """``(status, common name of the certificate shown)``; raises ssl.SSLError when the handshake is refused."""
    context = ssl.create_default_context(cadata=cert_pem(AUTHORITY))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.maximum_version = version
    if client:
        load_pem_chain(context, *client)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=name) as tls,
    ):
        tls.sendall(f"GET /x HTTP/1.1\r\nhost: {host or name}\r\nconnection: close\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data and (more := tls.recv(65536)):
            data += more
        if not data:
            raise ssl.SSLError("closed")
        shown = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
        names = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return int(data.split(b" ")[1]), names[0].value


@pytest.fixture
async def tls_server(gateway):
    server = TrafficServer(gateway, ServerSettings(linger_s=0.1))
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    await server.start([], [sock])
    yield lambda *args, **more: asyncio.to_thread(ask, sock.getsockname()[1], *args, **more)
    await server.close()


async def test_the_server_name_chooses_the_certificate(tls_server, gateway):
    gateway.snapshot.ssls = {"1": (1, ssl_object("a.test")), "2": (2, ssl_object("*.b.test"))}
    assert await tls_server("a.test") == (200, "a.test")
    assert await tls_server("x.b.test") == (200, "wild.b.test")
    assert gateway.seen[0].scheme == "https"
    assert gateway.seen[0].host == "a.test"


@pytest.mark.parametrize("name", ["unknown.test", "b.test", "x.y.b.test"])
async def test_an_unknown_name_is_refused_in_the_handshake(tls_server, gateway, name):
    gateway.snapshot.ssls = {"1": (1, ssl_object("a.test")), "2": (2, ssl_object("*.b.test"))}
    with pytest.raises(ssl.SSLError):
        await tls_server(name)


async def test_a_changed_certificate_is_shown_at_once(tls_server, gateway):
    gateway.snapshot.ssls = {"1": (1, ssl_object("a.test"))}
    assert await tls_server("a.test") == (200, "a.test")
    gateway.snapshot.ssls = {"1": (2, ssl_object("c.test", "a.test"))}
    assert await tls_server("a.test") == (200, "c.test")
    gateway.snapshot.ssls = {"1": (3, ssl_object("a.test", status=0))}
    with pytest.raises(ssl.SSLError):
        await tls_server("a.test")


async def test_an_unusable_certificate_harms_no_other(tls_server, gateway):
    good, bad = ssl_object("a.test"), ssl_object("b.test")
    gateway.snapshot.ssls = {"1": (1, good), "2": (1, bad.model_copy(update={"key": good.key}))}
    assert (await tls_server("a.test"))[0] == 200
    with pytest.raises(ssl.SSLError):
        await tls_server("b.test")


async def test_protocol_versions_are_those_of_the_object(tls_server, gateway):
    gateway.snapshot.ssls = {"1": (1, ssl_object("a.test", ssl_protocols=["TLSv1.3"])), "2": (1, ssl_object("b.test"))}
    assert (await tls_server("b.test", version=ssl.TLSVersion.TLSv1_2))[0] == 200
    assert (await tls_server("a.test"))[0] == 200
    assert (await tls_server("a.test", version=ssl.TLSVersion.TLSv1_2))[0] == 400
    assert len(gateway.seen) == 2


END = "-----END CERTIFICATE-----"
MUTUAL = {"client": {"ca": cert_pem(AUTHORITY), "depth": 1}}


async def test_a_wanted_client_certificate_is_required_and_verified(tls_server, gateway):
    gateway.snapshot.ssls = {"1": (1, ssl_object("a.test", **MUTUAL)), "2": (1, ssl_object("open.test"))}
    await tls_server("open.test")
    assert (await tls_server("a.test"))[0] == 400
    shown = client_chain()
    assert (await tls_server("a.test", client=shown))[0] == 200
    assert gateway.seen[-1].client_certificate == ssl.PEM_cert_to_DER_cert(shown[0].partition("-----END")[0] + END)
    assert (await tls_server("a.test", client=client_chain(depth=1)))[0] == 200
    assert (await tls_server("a.test", client=client_chain(depth=2)))[0] == 400
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await tls_server("a.test", client=client_chain(authority=OTHER_AUTHORITY))
    assert (await tls_server("open.test"))[0] == 200
    assert gateway.seen[-1].client_certificate == b""


async def test_the_host_header_is_no_way_around_a_client_certificate(tls_server, gateway):
    gateway.snapshot.ssls = {"1": (1, ssl_object("a.test", **MUTUAL)), "2": (1, ssl_object("open.test"))}
    await tls_server("open.test")
    assert (await tls_server("open.test", host="a.test"))[0] == 421
    assert [ex.host for ex in gateway.seen] == ["open.test"]


async def test_tls_handshakes_do_not_need_the_main_thread():
    """Keys are read through a file in memory; that must work from any thread."""
    failures = []

    def load():
        try:
            pair = certificate("a.test")
            load_pem_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert_pem(pair), key_pem(pair))
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
