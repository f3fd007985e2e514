"""How far every chain went, written down in etcd: whoever cuts the trail off in its database does not reach this."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

import orjson

Ends = Mapping[str, tuple[int, str]]
"""Chain -> number and digest of a line that was there."""


class WrongEnds(ValueError):
    """What is written down was not written by this key."""


def encode_ends(ends: Ends, key: bytes) -> bytes:
    """With a seal where there is a key."""
    told = {"ends": {name: list(end) for name, end in sorted(ends.items())}}
    return orjson.dumps({**told, "seal": _seal(told, key)})


def decode_ends(value: bytes, key: bytes) -> dict[str, tuple[int, str]]:
    """Raises WrongEnds."""
    if not value:
        return {}
    try:
        told = orjson.loads(value)
        seal = told.pop("seal")
        ends = {str(name): (int(seq), str(digest)) for name, (seq, digest) in told["ends"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WrongEnds("it cannot be read") from None
    if key and not hmac.compare_digest(str(seal).encode(), _seal(told, key).encode()):
        raise WrongEnds("its seal is not by this key")
    return ends


def _seal(told: object, key: bytes) -> str:
    return hmac.new(key, b"ends" + orjson.dumps(told, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()
