"""Mistral."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class Mistral(Vendor):
    """Speaks chat completions."""

    type = "mistral"
    otel_name = "mistral_ai"
    endpoint = "https://api.mistral.ai"
    speaks: ClassVar[Mapping[str, str]] = {
        "openai_chat": "/v1/chat/completions",
        "openai_embeddings": "/v1/embeddings",
    }
    default_key = "$env://MISTRAL_API_KEY"
    hosts = ("api.mistral.ai",)
    native_models = ("mistral-*", "codestral-*", "ministral-*", "magistral-*", "pixtral-*")
    fallback_model = "mistral-small-latest"
