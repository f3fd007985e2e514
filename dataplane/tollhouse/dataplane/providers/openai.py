"""OpenAI's own API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class OpenAi(Vendor):
    """Speaks chat completions and responses; limits output by ``max_completion_tokens``."""

    type = "openai"
    otel_name = "openai"
    endpoint = "https://api.openai.com"
    speaks: ClassVar[Mapping[str, str]] = {
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
        "openai_completions": "/v1/completions",
        "openai_embeddings": "/v1/embeddings",
        "openai_passthrough": "/{rest}",
    }
    default_key = "$env://OPENAI_API_KEY"
    passes_headers = ("openai-*", "x-stainless-*", "idempotency-key")
    hosts = ("api.openai.com",)
    native_models = ("gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "codex-*")
    fallback_model = "gpt-4o-mini"
    max_tokens_field: ClassVar[Mapping[str, str]] = {"openai_chat": "max_completion_tokens"}
