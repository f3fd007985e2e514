"""The broker's side of SASL: PLAIN and SCRAM, as far as a client that signs in needs it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

ROUNDS = 4096


class SignIn:
    """One connection's sign-in. ``step`` answers the client's messages; ``user`` is set once it is let in."""

    def __init__(self, mechanism: str, passwords: dict[str, str]) -> None:
        self.mechanism = mechanism
        self.user = ""
        self._passwords = passwords
        self._name = ""
        self._said = ""
        self._salt = secrets.token_bytes(16)

    def step(self, message: bytes) -> bytes:
        """Raises PermissionError when it is not who it says it is."""
        if self.mechanism == "PLAIN":
            _, name, password = message.decode().split("\0")
            if self._passwords.get(name) != password:
                raise PermissionError(name)
            self.user = name
            return b""
        return self._first(message.decode()) if not self._said else self._final(message.decode())

    def _first(self, text: str) -> bytes:
        bare = text.removeprefix("n,,")
        parts = dict(one.split("=", 1) for one in bare.split(","))
        self._name = parts["n"]
        salt = base64.b64encode(self._salt).decode()
        answer = f"r={parts['r']}{secrets.token_hex(8)},s={salt},i={ROUNDS}"
        self._said = f"{bare},{answer}"
        return answer.encode()

    def _final(self, text: str) -> bytes:
        without, _, proof = text.rpartition(",p=")
        said = f"{self._said},{without}".encode()
        name = "sha256" if self.mechanism.endswith("256") else "sha512"
        password = self._passwords.get(self._name, secrets.token_hex()).encode()
        salted = hashlib.pbkdf2_hmac(name, password, self._salt, ROUNDS)
        client_key = hmac.digest(salted, b"Client Key", name)
        signature = hmac.digest(hashlib.new(name, client_key).digest(), said, name)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if not hmac.compare_digest(expected, base64.b64decode(proof)):
            raise PermissionError(self._name)
        self.user = self._name
        return b"v=" + base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", name), said, name))
