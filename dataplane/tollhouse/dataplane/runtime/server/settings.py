"""What the traffic server is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EncodedSlash = Literal["decode", "keep", "refuse"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits of the traffic port. None is missing by default: everything a client can make us keep or wait for ends."""

    max_body_bytes: int = 64 * 1024 * 1024
    """Longest request body, compressed ones counted after decompression; longer ones are answered 413."""
    max_header_bytes: int = 64 * 1024
    """Longest request head; longer ones are answered 431."""
    max_headers: int = 128
    header_timeout_s: float = 15.0
    """From the first byte of a head to its last; slower ones are closed."""
    body_timeout_s: float = 60.0
    """Longest pause within a request body; answered 408."""
    body_total_s: float = 600.0
    """Longest time for a whole request body, so that a byte now and then does not hold a connection for ever."""
    idle_timeout_s: float = 75.0
    """How long a connection may be without a request."""
    keepalive_s: float = 20.0
    """After how much silence who waits for a stream is sent a sign of life; 0: never."""
    send_timeout_s: float = 60.0
    """How long a client may take nothing of a reply before it is given up."""
    linger_s: float = 5.0
    """How long what a refused client still sends is read and thrown away, so that it gets to see the answer."""
    max_connections: int = 20_000
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    encoded_slash: EncodedSlash = "decode"
    """What ``%2F`` in a path is: a slash (nginx, APISIX), itself, or a reason for 400."""
