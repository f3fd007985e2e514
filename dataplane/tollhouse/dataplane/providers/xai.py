"""xAI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class Xai(Vendor):
    """Speaks chat completions."""

    type = "xai"
    otel_name = "x_ai"
    endpoint = "https://api.x.ai"
    speaks: ClassVar[Mapping[str, str]] = {"openai_chat": "/v1/chat/completions"}
    default_key = "$env://XAI_API_KEY"
    hosts = ("api.x.ai",)
    native_models = ("grok-*",)
    fallback_model = "grok-3-mini"
    dialect = Dialect(  # its reasoning models refuse all of these
        doubtful=frozenset(("reasoning_effort", "presence_penalty", "frequency_penalty", "stop"))
    )
    says = (
        Says(
            "quota", (403, 429), words=("used all available credits", "any credits", "out of credits", "spending limit")
        ),
        Says("auth", (400,), words=("incorrect api key", "invalid api key")),
        Says("auth", (403,), words=("key is currently blocked", "key is disabled", "has been blocked")),
        Says("content_refused", (400, 403), words=("content violates usage guidelines", "safety_check")),
        Says("no_access", (403,)),
        Says("rate_limited", (429,)),
        Says("context_too_long", (400,), words=("maximum prompt length",)),
    )
