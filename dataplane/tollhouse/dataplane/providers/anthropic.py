"""Anthropic's API, in its native format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class Anthropic(Vendor):
    """Speaks messages; the key goes into ``x-api-key``."""

    type = "anthropic"
    otel_name = "anthropic"
    endpoint = "https://api.anthropic.com"
    speaks: ClassVar[Mapping[str, str]] = {"anthropic_messages": "/v1/messages"}
    auth_header = "x-api-key"
    auth_scheme = ""
    default_key = "$env://ANTHROPIC_API_KEY"
    headers: ClassVar[Mapping[str, str]] = {"anthropic-version": "2023-06-01"}
    passes_headers = ("anthropic-*", "x-stainless-*")
    hosts = ("api.anthropic.com",)
    native_models = ("claude-*",)
    fallback_model = "claude-haiku-4-5"
