"""Mistral."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._says import Says
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
    dialect = Dialect(  # its validator forbids every field it does not know
        lacks=frozenset(
            (
                *("stream_options", "user", "logprobs", "top_logprobs", "logit_bias", "store", "service_tier"),
                *("safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity", "modalities"),
                *("audio", "web_search_options", "functions", "function_call"),
            )
        ),
        doubtful=frozenset(("reasoning_effort", "metadata")),
        renames={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
        message_lacks=frozenset(
            ("name", "reasoning_content", "reasoning", "refusal", "annotations", "audio", "function_call")
        ),
        knows_developers=False,
        call_id_size=9,
        answers_results=True,
    )
    says = (
        Says("overloaded", (429, 503), tags=("service_tier_capacity_exceeded", "3505", "unreachable_backend")),
        Says("overloaded", (429, 503), words=("service tier capacity exceeded",)),
        Says("rate_limited", (429,)),
        Says("not_found", (400, 404), tags=("invalid_model",)),
        Says("context_too_long", (400, 422), words=("too large for model", "maximum context length")),
    )
