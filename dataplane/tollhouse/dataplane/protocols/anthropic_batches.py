"""Anthropic's batches of messages (``/v1/messages/batches``): passed as they are, to Anthropic. Callers are identified
and limited, usage is counted when results are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tollhouse.dataplane.chat import ChatRequest, Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Encoded, Peek, Stored, UsageReader
from tollhouse.dataplane.protocols._bodies import read_body
from tollhouse.dataplane.protocols._fields import unsupported
from tollhouse.dataplane.protocols._usage_scan import UsageScan
from tollhouse.dataplane.protocols.anthropic_messages import AnthropicMessages

_PATH = re.compile(r"/(?P<rest>v1/messages/batches(?P<id>/[\w-]+(?:/results|/cancel)?)?)$")
_RESULTS = re.compile(rb'("results_url"\s*:\s*")[^"]*?(/v1/messages/batches/[\w-]+/results")')


class AnthropicBatches(AnthropicMessages):
    """Whatever goes by one of these paths; errors are those of messages."""

    name = "anthropic_batches"
    operation: ClassVar[str] = "passthrough"
    opaque: ClassVar[bool] = True
    untranslated: ClassVar[bool] = True
    limit_field: ClassVar[str] = ""

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return _PATH.search(path) is not None

    def rest(self, path: str) -> str:
        """As the port says."""
        found = _PATH.search(path)
        return found["rest"] if found is not None else ""

    def stored(self, method: str, path: str) -> Stored:
        """All of it."""
        found = _PATH.search(path)
        if found is None:
            return ""
        if found["id"]:
            return "one"
        return "batch" if method == "POST" else "list"

    def read_document(self, body: bytes, headers: Mapping[str, str]) -> RequestDocument:
        """As the port says."""
        return read_body(body, headers.get("content-type") or "")

    def peek(self, document: RequestDocument) -> Peek:
        """A batch may ask for any models."""
        return Peek(model="")

    def decode_request(self, document: RequestDocument) -> ChatRequest:
        """Always refused: these are no chats."""
        raise unsupported("requests", "batches of messages reach only Anthropic; send the requests one by one.")

    def encode_request(self, chat: ChatRequest, *, max_output_tokens: int | None) -> Encoded:
        """Always refused: a chat goes to none of these."""
        raise unsupported("model", "the model does not chat; name another.")

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """None."""
        return False

    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """None: what a provider keeps is read by another reader."""
        return None, ""

    def usage_reader(self, *, hide_usage: bool) -> UsageReader:
        """One that finds none."""
        return UsageScan(_no_usage)

    def has_links(self, path: str) -> bool:
        """All but the results."""
        return not path.endswith("/results")

    def own_links(self, body: bytes) -> bytes:
        """SDKs read results from the address a batch names, with the key they have: it becomes a path, which they add
        to the gateway's address, so that the key does not go to Anthropic."""
        return _RESULTS.sub(rb"\1\2", body)


def _no_usage(_: Any) -> None:
    return None
