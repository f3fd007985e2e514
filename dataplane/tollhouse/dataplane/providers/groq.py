"""Groq."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._says import Says
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
    cache_s = 7200.0  # two hours, it says
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
    says = (
        Says("too_large", (413,)),  # for its tokens per minute, however long one waits
        Says("rate_limited", (429,)),
        Says("overloaded", (498,)),  # no room in the flex tier
        # What the model wrote did not parse: it seldom writes the same twice.
        Says("spoilt", (400,), tags=("tool_use_failed", "json_validate_failed"), again=True),
        Says("not_found", (400, 404), tags=("model_not_found", "model_decommissioned")),
        Says(
            "no_access",
            tags=("model_permission_blocked_project", "model_permission_blocked_org", "model_terms_required"),
        ),
        Says("context_too_long", (400,), tags=("context_length_exceeded",)),
    )
