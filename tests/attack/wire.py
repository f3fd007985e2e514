"""What a client can do to the wire."""

from __future__ import annotations

import gzip
import socket
from urllib.parse import urlsplit

from tests.attack.target import Target, attack, status
from tests.support.system import call


@attack("request smuggling: content-length beside transfer-encoding")
def _(target: Target) -> tuple[bool, str]:
    inner = b"0\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = target.raw(target.head("Content-Length: 5", "Transfer-Encoding: chunked") + b"\r\n" + inner)
    return status(answer) == 400 and answer.count(b"HTTP/1.1 ") == 1, f"{status(answer)}"


@attack("request smuggling: two lengths, odd codings, bare line feeds")
def _(target: Target) -> tuple[bool, str]:
    tries = [
        target.head("Content-Length: 3", "Content-Length: 4") + b"\r\nabcd",
        target.head("Content-Length: +3") + b"\r\nabc",
        target.head("Transfer-Encoding: xchunked") + b"\r\n0\r\n\r\n",
        target.head("Transfer-Encoding : chunked") + b"\r\n0\r\n\r\n",
        target.head("Transfer-Encoding: chunked") + b"\r\n0x5\r\nhello\r\n0\r\n\r\n",
        target.head("X-A: 1\n Content-Length: 5") + b"\r\nhello",
    ]
    codes = [status(target.raw(one, wait_s=1.5)) for one in tries]
    return all(code in (400, 411, 501) for code in codes), str(codes)


@attack("header injection: CR, LF and NUL in names, values and the path")
def _(target: Target) -> tuple[bool, str]:
    tries = [
        target.head("X-A: a\rX-Admin: 1", "Content-Length: 0") + b"\r\n",
        target.head("X-A: a\x00b", "Content-Length: 0") + b"\r\n",
        target.head("X A: b", "Content-Length: 0") + b"\r\n",
        target.head("Content-Length: 0", path="/v1/\x00x") + b"\r\n",
    ]
    codes = [status(target.raw(one, wait_s=1.5)) for one in tries]
    return all(code == 400 for code in codes), str(codes)


@attack("path confusion: dots, encoded dots, doubled slashes and backslashes")
def _(target: Target) -> tuple[bool, str]:
    paths = (
        "/v1/../apisix/admin/routes",
        "/v1/%2e%2e/apisix/admin/routes",
        "//apisix/admin/routes",
        "/v1/..;/apisix/admin",
        "/v1\\..\\apisix",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/%252e%252e/apisix/admin/routes",
    )
    answers = [target.raw(target.head(path=path, method="GET") + b"\r\n", wait_s=1.0) for path in paths]
    codes = [status(one) for one in answers]
    return all(400 <= code < 500 for code in codes), str(codes)


@attack("decompression bomb")
def _(target: Target) -> tuple[bool, str]:
    bomb = gzip.compress(b"0" * (512 << 20), 9)
    lines = ("Content-Encoding: gzip", "Content-Type: application/json", f"Content-Length: {len(bomb)}")
    answer = target.raw(target.head(*lines) + b"\r\n" + bomb, wait_s=20)
    return status(answer) in (400, 413), f"{status(answer)} for {len(bomb) >> 10} KB that are 512 MB"


@attack("JSON nested 100,000 deep")
def _(target: Target) -> tuple[bool, str]:
    body = b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    answer = target.raw(target.head("Content-Type: application/json", f"Content-Length: {len(body)}") + b"\r\n" + body)
    return status(answer) == 400, f"{status(answer)}"


@attack("a head that does not end")
def _(target: Target) -> tuple[bool, str]:
    answer = target.raw(target.head(f"X-Long: {'a' * 300_000}") + b"\r\n")
    return status(answer) in (0, 400, 431), f"{status(answer)}"


@attack("slowloris: 200 heads that drip while others are served")
def _(target: Target) -> tuple[bool, str]:
    parts = urlsplit(target.url)
    slow = []
    try:
        for _ in range(200):
            connection = socket.create_connection((parts.hostname, parts.port or 80), timeout=3)
            connection.sendall(target.head("X-Slow: 1")[:40])
            slow.append(connection)
        answer = call(f"{target.url}/v1/models", None, {"apikey": target.key})
    finally:
        for connection in slow:
            connection.close()
    return answer.status < 500 and answer.seconds < 3, f"{answer.status} in {answer.seconds * 1000:.0f} ms"


@attack("other versions, methods and forms of a request")
def _(target: Target) -> tuple[bool, str]:
    key = f"apikey: {target.key}\r\n".encode()
    tries = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\n" + key + b"Content-Length: 2\r\n\r\n{}",  # no host
        target.head("Host: other", "Content-Length: 2") + b"\r\n{}",
        target.head("Transfer-Encoding: chunked") + b"\r\nffffffffffffffffff\r\n{}",
        target.head("Transfer-Encoding: chunked, identity") + b"\r\n0\r\n\r\n",
        target.head("Content-Length: 2", method="CONNECT") + b"\r\n{}",
        target.head(*(f"X-{number}: 1" for number in range(5000)), "Content-Length: 0") + b"\r\n",
    ]
    codes = [status(target.raw(one, wait_s=1.5)) for one in tries]
    return all(code == 0 or 400 <= code < 600 for code in codes), str(codes)


@attack("bodies packed twice, and in ways nobody offered")
def _(target: Target) -> tuple[bool, str]:
    body = gzip.compress(gzip.compress(b'{"model":"m","messages":[]}'))
    codes = []
    for coding in ("gzip, gzip", "gzip", "zstd", "compress", "x-unknown"):
        lines = (f"Content-Encoding: {coding}", "Content-Type: application/json", f"Content-Length: {len(body)}")
        codes.append(status(target.raw(target.head(*lines) + b"\r\n" + body, wait_s=3)))
    return all(400 <= code < 500 for code in codes), str(codes)
