"""Groq."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
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
    dialect = Dialect(
        lacks=frozenset(
            (
                *("logprobs", "top_logprobs", "logit_bias", "store", "prompt_cache_key", "prompt_cache_retention"),
                *("safety_identifier", "verbosity", "modalities", "audio", "prediction", "web_search_options"),
            )
        ),
        doubtful=frozenset(("reasoning_effort",)),
        message_lacks=frozenset(("name", "reasoning_content", "refusal", "annotations", "audio", "function_call")),
        knows_developers=False,
    )
