"""Anything that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, a local Qwen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class OpenAiCompatible(Vendor):
    """Has no address of its own: ``endpoint`` must be configured."""

    type = "openai-compatible"
    otel_name = "openai_compatible"
    speaks: ClassVar[Mapping[str, str]] = {
        "openai_chat": "/v1/chat/completions",
        "openai_completions": "/v1/completions",
        "openai_embeddings": "/v1/embeddings",
        "openai_passthrough": "/{rest}",
    }
    passes_headers = ("openai-*",)
    dialect = Dialect(knows_developers=False)  # chat templates of open models raise at the role
    says = (
        Says("context_too_long", tags=("exceed_context_size_error",)),  # llama.cpp
        Says(
            "context_too_long",
            (400,),
            words=("maximum model length", "maximum context length", "exceeded max context length"),
        ),
        Says(
            "unsupported",
            (400,),
            words=(
                *("does not support tools", "does not support thinking", "does not support image"),
                *("is not a multimodal model", "requires --enable-auto-tool-choice", "at most 0 image"),
            ),
        ),
        Says("not_found", (400, 404), words=("try pulling it first",)),  # Ollama
        Says("overloaded", (500, 503), words=("maximum pending requests", "loading model", "server busy")),
    )
