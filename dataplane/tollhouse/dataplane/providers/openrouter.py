"""OpenRouter, a broker of many vendors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

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
