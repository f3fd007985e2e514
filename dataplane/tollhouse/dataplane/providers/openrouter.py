"""OpenRouter, a broker of many vendors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class OpenRouter(Vendor):
    """Model names carry the vendor: ``anthropic/claude-sonnet-4.5``."""

    type = "openrouter"
    otel_name = "openrouter"
    endpoint = "https://openrouter.ai"
    speaks: ClassVar[Mapping[str, str]] = {"openai_chat": "/api/v1/chat/completions"}
    default_key = "$env://OPENROUTER_API_KEY"
    passes_headers = ("http-referer", "x-title")
    hosts = ("openrouter.ai",)
    native_models = ("*/*",)
    fallback_model = "openai/gpt-4o-mini"
    says = (
        Says("quota", (402,)),
        Says("quota", (403,), words=("limit exceeded", "insufficient credits")),
        Says("content_refused", (403,), words=("moderation", "flagged")),
        Says("unsupported", (404,), words=("no endpoints found that",)),
        Says("not_found", (400,), words=("not a valid model id",)),
        Says("rate_limited", (429,)),
        Says("overloaded", (502,), words=("is down", "no available", "overloaded")),
    )
