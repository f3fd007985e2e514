"""xAI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
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
