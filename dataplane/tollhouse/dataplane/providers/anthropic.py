"""Anthropic's API, in its native format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class Anthropic(Vendor):
    """Speaks messages; the key goes into ``x-api-key``."""

    type = "anthropic"
    otel_name = "anthropic"
    endpoint = "https://api.anthropic.com"
    speaks: ClassVar[Mapping[str, str]] = {"anthropic_messages": "/v1/messages", "anthropic_batches": "/{rest}"}
    auth_header = "x-api-key"
    auth_scheme = ""
    default_key = "$env://ANTHROPIC_API_KEY"
    headers: ClassVar[Mapping[str, str]] = {"anthropic-version": "2023-06-01"}
    passes_headers = ("anthropic-*", "x-stainless-*")
    hosts = ("api.anthropic.com",)
    native_models = ("claude-*",)
    fallback_model = "claude-haiku-4-5"
    says = (
        Says("quota", tags=("billing_error",)),
        Says("quota", (400,), words=("credit balance is too low", "specified api usage limits")),
        Says("auth", (400, 403), words=("has been disabled", "has been revoked")),
        Says("no_access", (403,)),
        Says("rate_limited", tags=("rate_limit_error",)),
        Says("overloaded", tags=("overloaded_error",)),
        Says("timeout", tags=("timeout_error",)),
        Says("content_refused", (400,), words=("output blocked by content filtering policy",)),
        Says("context_too_long", (400,), words=("prompt is too long", "exceed context limit")),
    )
