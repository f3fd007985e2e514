"""Anything that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, a local Qwen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
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
