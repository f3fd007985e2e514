"""OpenAI's own API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._says import Says
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
    says = (
        Says("quota", tags=("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")),
        Says("too_large", (429,), words=("request too large",)),  # for its tokens per minute, however long one waits
        Says("rate_limited", (429,), tags=("rate_limit_exceeded", "requests", "tokens", "rate_limit_error")),
        Says("no_access", (401, 403), words=("insufficient permissions",)),  # a restricted key, and one of its paths
        Says("auth", (401, 403), tags=("invalid_api_key", "account_deactivated", "ip_not_authorized")),
        Says("no_access", (403,)),  # a project without this model, a country it does not serve
        Says("content_refused", (400,), tags=("content_policy_violation", "moderation_blocked")),
        Says("context_too_long", tags=("context_length_exceeded", "string_above_max_length")),
        Says("overloaded", (500, 503), words=("engine is currently overloaded", "slow down")),
    )
