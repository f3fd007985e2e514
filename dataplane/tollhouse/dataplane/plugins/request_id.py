"""Give every request an id, for the upstream and for the client."""

from __future__ import annotations

import secrets
import string
import uuid
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from tollhouse.dataplane.plugin import Plugin, PluginConfig
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_NANOID = string.ascii_letters + string.digits + "_-"
_KSUID_EPOCH = 1_400_000_000
_CHARACTERS = string.ascii_letters + string.digits


class RangeId(PluginConfig):
    """The form of ids by ``range_id``."""

    length: int = Field(default=16, ge=6, le=256)
    """How many characters."""

    char_set: str = Field(default=_CHARACTERS, min_length=6, pattern=r"^[!-~]+$")
    """The characters an id is made of."""


class RequestIdConfig(PluginConfig):
    """Which header carries the id, and what it looks like."""

    header_name: str = Field(default="X-Request-Id", pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
    """The header that carries the id; an id the client sent is kept."""

    include_in_response: bool = True
    """Send the id back to the client."""

    algorithm: Literal["uuid", "nanoid", "range_id", "ksuid", "uuidv7"] = "uuid"
    """How an id is made."""

    range_id: RangeId = RangeId()
    """The form of ids by ``range_id``."""


class RequestId(Plugin[RequestIdConfig]):
    """Adds the id where the client sent none."""

    name = "request-id"
    stage = Stage.ACCEPT
    priority = 12015
    Config = RequestIdConfig

    def request(self, ex: Exchange) -> None:
        """Take the client's id or make one."""
        name = self.config.header_name.lower()
        given = ex.headers.get(name)
        request_id = given or self._make(ex.received_at)
        if not given:
            ex.upstream_headers.append((name, request_id))
        ex.state[f"{self.name}:{name}"] = request_id

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Send it back, unless the upstream has set the header itself."""
        name = self.config.header_name.lower()
        request_id = ex.state.get(f"{self.name}:{name}")
        if self.config.include_in_response and request_id and not reply.header(name):
            reply.set_header(name, request_id)

    def _make(self, now: float) -> str:
        match self.config.algorithm:
            case "uuid":
                return str(uuid.uuid4())
            case "uuidv7":
                return _uuid7(int(now * 1000))
            case "nanoid":
                return _pick(_NANOID, 21)
            case "ksuid":
                return _base62((int(now) - _KSUID_EPOCH).to_bytes(4, "big") + secrets.token_bytes(16), 27)
            case "range_id":
                return _pick(self.config.range_id.char_set, self.config.range_id.length)


def _pick(characters: str, length: int) -> str:
    return "".join(secrets.choice(characters) for _ in range(length))


def _uuid7(milliseconds: int) -> str:
    number = milliseconds << 80 | int.from_bytes(secrets.token_bytes(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76  # version
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(uuid.UUID(int=number))


def _base62(data: bytes, width: int) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 62)
        text = _BASE62[digit] + text
    return text.rjust(width, "0")
