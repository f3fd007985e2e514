"""TLS towards upstream servers, against a real TLS server with certificates made on the spot."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import ssl
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tollhouse.dataplane.runtime.upstream.aiohttp_transport import AiohttpTransport
from tollhouse.dataplane.runtime.upstream.resolver import Resolver
from tollhouse.dataplane.runtime.upstream.transport import LeanTransport
from tollhouse.dataplane.transport import Origin, Timeouts, TransportError, UpstreamRequest

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"


def certificate(name, issuer=None):
    """``(cert, key)`` objects for a name, self-signed (a CA) without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(pair):
    cert, key = pair
    return (
        cert.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


class Loopback(Resolver):
    async def resolve(self, host, port):
        return ("127.0.0.1",)


@pytest.fixture(scope="module")
def authority():
    return certificate("ca.test")


@pytest.fixture
async def tls_server(authority, tmp_path):
    """A TLS server for ``api.test`` that wants (but does not require) client certificates; ``seen`` keeps, per
    connection: SNI, whether the session was resumed, the client's certificate."""
    cert, key = pem(certificate("api.test", authority))
    (tmp_path / "server.pem").write_text(key + cert)
    (tmp_path / "ca.pem").write_text(pem(authority)[0])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    seen = []

    async def serve(reader, writer):
        tls = writer.get_extra_info("ssl_object")
        seen.append((names[-1], tls.session_reused, tls.getpeercert()))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield SimpleNamespace(seen=seen, port=server.sockets[0].getsockname()[1], ca_file=str(tmp_path / "ca.pem"))
    server.close()


def request(server, host="api.test", **origin):
    return UpstreamRequest("GET", Origin("https", host, server.port, **origin), "/", (), b"", Timeouts())


@pytest.fixture(params=[LeanTransport, AiohttpTransport])
async def client(request, tls_server):
    transport = request.param(ca_file=tls_server.ca_file, resolver=Loopback())
    yield transport
    await transport.close()


async def test_a_trusted_server_is_reached_by_its_name(client, tls_server):
    assert await (await client.send(request(tls_server))).read(10) == b"hello"
    assert tls_server.seen[0][0] == "api.test"


async def test_a_server_name_of_its_own_is_sent_and_verified(client, tls_server):
    response = await client.send(request(tls_server, "127.0.0.1", server_name="api.test"))
    assert await response.read(10) == b"hello"


async def test_a_session_is_resumed_by_the_next_connection(tls_server):
    client = LeanTransport(ca_file=tls_server.ca_file, resolver=Loopback())
    for _ in range(3):
        await (await client.send(request(tls_server))).read(10)
    await client.close()
    assert [reused for _, reused, _ in tls_server.seen] == [False, True, True]


@pytest.mark.parametrize("transport_class", [LeanTransport, AiohttpTransport])
async def test_an_unknown_authority_is_refused(tls_server, transport_class):
    transport = transport_class()
    with pytest.raises(TransportError) as caught:
        await transport.send(request(tls_server, "127.0.0.1", server_name="api.test"))
    assert caught.value.phase == "tls"
    assert not caught.value.request_sent
    await transport.close()


async def test_the_wrong_name_is_refused(client, tls_server):
    with pytest.raises(TransportError) as caught:
        await client.send(request(tls_server, "other.test"))
    assert caught.value.phase == "tls"


@pytest.mark.parametrize("transport_class", [LeanTransport, AiohttpTransport])
async def test_verification_can_be_turned_off(tls_server, transport_class):
    transport = transport_class(resolver=Loopback())
    assert await (await transport.send(request(tls_server, verify=False))).read(10) == b"hello"
    await transport.close()


async def test_a_client_certificate_is_presented(client, tls_server, authority):
    cert, key = pem(certificate("gateway.test", authority))
    await (await client.send(request(tls_server, client_cert=cert, client_key=key))).read(10)
    assert tls_server.seen[0][2]["subject"] == ((("commonName", "gateway.test"),),)


async def test_an_unusable_client_certificate_is_named(client, tls_server):
    with pytest.raises(TransportError) as caught:
        await client.send(request(tls_server, client_cert="nonsense", client_key="nonsense"))
    assert caught.value.phase == "tls"
    assert "client certificate" in caught.value.message


@pytest.mark.parametrize("polite", [True, False])
async def test_an_answer_without_length_ends_with_a_farewell_or_was_cut(authority, tmp_path, polite):
    """Anybody on the way can end a TCP connection. (asyncio's own loop does not tell the two apart.)"""
    if not polite and not type(asyncio.get_running_loop()).__module__.startswith("uvloop"):
        pytest.skip("only uvloop tells")
    cert, key = pem(certificate("api.test", authority))
    (tmp_path / "server.pem").write_text(key + cert)
    (tmp_path / "ca.pem").write_text(pem(authority)[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    def serve():
        tls = context.wrap_socket(listener.accept()[0], server_side=True)
        tls.recv(1000)
        tls.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
        with contextlib.suppress(OSError), socket.socket(fileno=(tls.unwrap() if polite else tls).detach()) as plain:
            plain.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.get_running_loop().run_in_executor(None, serve)
        client = LeanTransport(ca_file=str(tmp_path / "ca.pem"), resolver=Loopback())
        response = await client.send(request(SimpleNamespace(port=listener.getsockname()[1])))
        if polite:
            assert await response.read(100) == b"hello"
        else:
            with pytest.raises(TransportError, match="in the middle"):
                await response.read(100)
        await client.close()
        await serving


async def test_a_server_without_tls_is_a_tls_failure(client, raw_server):
    server = await raw_server.answer(b"HTTP/1.1 400 Bad\r\n\r\n", close=True)

    async def script(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        await writer.drain()

    await server.close()
    server = await raw_server.run(script)
    with pytest.raises(TransportError) as caught:
        await client.send(UpstreamRequest("GET", Origin("https", "api.test", server.origin.port), "/", (), b""))
    assert caught.value.phase == "tls"
