"""The wire format as the gateway sees it: which requests are in it, and its readers and writers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import parse_qs, unquote

from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.protocol import Peek
from tollhouse.dataplane.protocols._fields import as_object, get_flag, get_integer, get_text, unsupported
from tollhouse.dataplane.protocols._format import Codec, Format
from tollhouse.dataplane.protocols._signatures import PREFIX
from tollhouse.dataplane.protocols.gemini_generate.errors import error_status, write_error
from tollhouse.dataplane.protocols.gemini_generate.fields import FORMAT, UNSIGNED, camel
from tollhouse.dataplane.protocols.gemini_generate.finish import may_be_broken_off
from tollhouse.dataplane.protocols.gemini_generate.read_request import read_request
from tollhouse.dataplane.protocols.gemini_generate.reply import read_reply, write_reply
from tollhouse.dataplane.protocols.gemini_generate.stream import GeminiDecoder, GeminiEncoder
from tollhouse.dataplane.protocols.gemini_generate.usage import GeminiWatcher, read_tail
from tollhouse.dataplane.protocols.gemini_generate.write_request import write_request

_PATH = re.compile(r"/models/(?P<model>[^:]+):(?P<method>generateContent|streamGenerateContent)$")
_STRUCTURED = frozenset({"structured_output"})
_TOOLS = frozenset({"tools"})
_PACKED = PREFIX.encode()


class GeminiGenerate(Format):
    """``generateContent`` and ``streamGenerateContent``, as Google's SDKs speak them. Model and method are in the path:
    they are read into the document, and taken out of it again before it is sent."""

    name = FORMAT
    keepalive = b"\n\n"  # Google's SDKs take a comment for the beginning of an error
    codec: ClassVar[Codec] = Codec(
        read_request,
        write_request,
        read_reply,
        write_reply,
        read_tail,
        GeminiDecoder,
        GeminiEncoder,
        lambda _: GeminiWatcher(),
        write_error,
        error_status=error_status,
    )
    model_in_body: ClassVar[bool] = False
    limit_field: ClassVar[str] = "generationConfig.maxOutputTokens"
    option_fields: ClassVar[Mapping[str, str]] = {
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "seed": "generationConfig.seed",
        "stop": "generationConfig.stopSequences",
        "presence_penalty": "generationConfig.presencePenalty",
        "frequency_penalty": "generationConfig.frequencyPenalty",
    }

    def claims(self, path: str, document: RequestDocument | None) -> bool:
        """By path alone."""
        return _PATH.search(path) is not None

    def enter(self, path: str, query: str, document: RequestDocument) -> None:
        """As the port says. Raises ClientError for a stream that is not to come as events."""
        found = _PATH.search(path)
        if found is None:
            return
        document.set("model", unquote(found["model"]))
        if found["method"] == "streamGenerateContent":
            if parse_qs(query).get("alt") != ["sse"]:
                raise unsupported("alt", "streams are served as events only; ask with ?alt=sse.")
            document.set("stream", True)

    def peek(self, document: RequestDocument) -> Peek:
        """As the port says."""
        few = {name: document.get(name) for name in ("model", "stream") if name in document}
        if "generationConfig" in document and "generation_config" in document:
            raise unsupported(
                "generation_config", "generationConfig stands there too: that is 'generation_config' twice."
            )
        raw = document.get("generationConfig") or document.get("generation_config") or {}
        config = camel(as_object(raw, "generationConfig"))
        needs = _TOOLS if b"unction" in document.raw_field("tools") else frozenset[str]()
        if config.get("responseSchema") or config.get("responseJsonSchema"):
            needs |= _STRUCTURED
        return Peek(
            model=get_text(few, "model", ""),
            stream=get_flag(few, "stream") or False,
            max_tokens=get_integer(config, "maxOutputTokens", "generationConfig", low=1),
            choices=get_integer(config, "candidateCount", "generationConfig", low=1, high=8) or 1,
            needs=needs,
        )

    def read_usage(self, body: bytes) -> tuple[Usage | None, str]:
        """As the port says."""
        if may_be_broken_off(body):
            read_reply(body)
        return super().read_usage(body)

    def passthrough_edits(self, document: RequestDocument, dropped: list[str]) -> bool:
        """Takes out what came from the path, and signatures of other formats' providers, which Google cannot read."""
        document.remove("model")
        document.remove("stream")
        if _PACKED in document.raw_field("contents"):
            document.set("contents", _unpacked(document.get("contents")))
            dropped.append("thoughtSignature")
        return False


def _unpacked(value: object) -> object:
    """Contents with our own signatures replaced by the one that says there is none."""
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    written = {name: _unpacked(inner) if name in ("parts", "contents") else inner for name, inner in value.items()}
    for name in ("thoughtSignature", "thought_signature"):
        signature = written.get(name)
        if isinstance(signature, str) and signature.startswith(PREFIX):
            written[name] = UNSIGNED
    return written
