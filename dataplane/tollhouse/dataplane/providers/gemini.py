"""Google's Gemini API, by its OpenAI-compatible face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class Gemini(Vendor):
    """Speaks chat completions under ``/v1beta/openai``."""

    type = "gemini"
    otel_name = "gcp.gemini"
    endpoint = "https://generativelanguage.googleapis.com"
    speaks: ClassVar[Mapping[str, str]] = {
        "openai_chat": "/v1beta/openai/chat/completions",
        "openai_embeddings": "/v1beta/openai/embeddings",
    }
    default_key = "$env://GEMINI_API_KEY"
    hosts = ("generativelanguage.googleapis.com",)
    native_models = ("gemini-*",)
    fallback_model = "gemini-2.5-flash"
    max_tokens_field: ClassVar[Mapping[str, str]] = {"openai_chat": "max_completion_tokens"}
