"""Google's Gemini API: its native format, and its OpenAI-compatible face for clients of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._google import GOOGLE
from tollhouse.dataplane.providers._vendor import Vendor


class Gemini(Vendor):
    """Speaks generateContent, with the key in ``x-goog-api-key``, and what clients of OpenAI's formats ask for."""

    type = "gemini"
    otel_name = "gcp.gemini"
    endpoint = "https://generativelanguage.googleapis.com"
    speaks: ClassVar[Mapping[str, str]] = {
        "gemini_generate": "/v1beta/models/{model}:generateContent",
        "gemini_embeddings": "/v1beta/models/{model}:{rest}",
        "openai_chat": "/v1beta/openai/chat/completions",
        "openai_embeddings": "/v1beta/openai/embeddings",
    }
    streams: ClassVar[Mapping[str, str]] = {
        "gemini_generate": "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    }
    key_headers: ClassVar[Mapping[str, str]] = {
        "gemini_generate": "x-goog-api-key",
        "gemini_embeddings": "x-goog-api-key",
    }
    default_key = "$env://GEMINI_API_KEY"
    hosts = ("generativelanguage.googleapis.com",)
    native_models = ("gemini-*",)
    fallback_model = "gemini-2.5-flash"
    max_tokens_field: ClassVar[Mapping[str, str]] = {"openai_chat": "max_completion_tokens"}
    dialect = Dialect(  # Google's reader of JSON refuses names it does not know
        lacks=frozenset(
            (
                *("store", "metadata", "service_tier", "logit_bias", "safety_identifier", "verbosity"),
                *("prompt_cache_key", "prompt_cache_retention", "prediction", "web_search_options"),
            )
        )
    )
    says = GOOGLE
