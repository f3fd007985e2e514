"""What is attacked, and the list of attacks."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support.system import System, call

KEY = "attack-key-of-an-agent-0123456789"
CHAT = "/v1/chat/completions"
SECRET = "sk-proj-Attack8Rm4Yc7Hd1Kf5Gj0UsaEoTiXqWzLp3Vw8"
CANARY = "zebra-lamp-of-the-attack-77"
MAIL = "victim.person@hidden-mail.io"


@dataclass
class Target:
    """What is attacked."""

    url: str
    key: str
    system: System | None = None
    held: list[tuple[str, bool, str]] = field(default_factory=list)

    def chat(self, messages: list[dict[str, Any]], **more: Any) -> Any:
        """One chat as the agent."""
        body = {"model": "gpt-4o-mini", "messages": messages, **more}
        headers = {"content-type": "application/json", "apikey": self.key}
        return call(f"{self.url}{CHAT}", body, headers)

    def raw(self, data: bytes, *, wait_s: float = 3.0, then: bytes = b"") -> bytes:
        """Bytes over a socket, and whatever comes back until it closes or falls silent."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=wait_s) as connection:
            connection.sendall(data)
            if then:
                time.sleep(0.1)
                connection.sendall(then)
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
                    connection.settimeout(0.4)  # what was smuggled in is answered at once
            except (TimeoutError, ConnectionError):
                pass
            return answer

    def head(self, *lines: str, path: str = CHAT, method: str = "POST") -> bytes:
        """A request's head, without the blank line."""
        parts = urlsplit(self.url)
        start = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\napikey: {self.key}\r\n"
        return (start + "".join(f"{line}\r\n" for line in lines)).encode("latin-1")


def status(answer: bytes) -> int:
    """Of the first answer in some bytes; 0 for none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") and answer[9:12].isdigit() else 0


Attack = Callable[[Target], tuple[bool, str]]
ATTACKS: list[tuple[str, bool, Attack]] = []


def attack(name: str, *, inside: bool = False) -> Callable[[Attack], Attack]:
    """Put it on the list; ``inside``: needs a system of one's own."""

    def listed(one: Attack) -> Attack:
        ATTACKS.append((name, inside, one))
        return one

    return listed
