"""Groq."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class Groq(Vendor):
    """Speaks chat completions under ``/openai``."""

    type = "groq"
    otel_name = "groq"
    endpoint = "https://api.groq.com"
    speaks: ClassVar[Mapping[str, str]] = {"openai_chat": "/openai/v1/chat/completions"}
    default_key = "$env://GROQ_API_KEY"
    hosts = ("api.groq.com",)
    native_models = ("llama-*",)
    fallback_model = "llama-3.3-70b-versatile"
