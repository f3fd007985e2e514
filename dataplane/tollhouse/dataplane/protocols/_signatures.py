"""Carries signed reasoning of one provider through a client of another format, and back to that provider whole.

Clients give back what signs a model's reasoning without looking into it (Anthropic ``signature``, OpenAI
``encrypted_content``). Where the client's format is not the provider's, all of the reasoning is packed into it.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Thinking
from tollhouse.dataplane.protocols._fields import words

PREFIX = "tollhse1"
"""What packed reasoning begins with: no provider's own signature does. With it the whole is base64, as Google's SDK
wants signatures, in either of its alphabets."""


def pack(part: Thinking, origin: str) -> str:
    """A signature for a client of another format; empty when the reasoning is not signed."""
    if not part.signature and not part.redacted:
        return ""
    whole = {"from": origin, "text": part.text, "signature": part.signature, "redacted": part.redacted}
    return PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(whole)).decode()


def unpack(signature: str) -> Thinking | None:
    """The reasoning a signature of ours holds; None when it is not of ours."""
    if not signature.startswith(PREFIX):
        return None
    try:
        packed = signature[len(PREFIX) :].replace("+", "-").replace("/", "_")
        whole: Any = msgspec.json.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(whole, dict):
        return None
    return Thinking(
        words(whole.get("text")), words(whole.get("signature")), words(whole.get("redacted")), words(whole.get("from"))
    )
