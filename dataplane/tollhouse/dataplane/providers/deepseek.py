"""DeepSeek."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class DeepSeek(Vendor):
    """Speaks chat completions without a version in the path."""

    type = "deepseek"
    otel_name = "deepseek"
    endpoint = "https://api.deepseek.com"
    speaks: ClassVar[Mapping[str, str]] = {"openai_chat": "/chat/completions"}
    default_key = "$env://DEEPSEEK_API_KEY"
    hosts = ("api.deepseek.com",)
    native_models = ("deepseek-*",)
    fallback_model = "deepseek-chat"
    cache_s = 3600.0  # hours to days, it says
    dialect = Dialect(
        renames={"max_completion_tokens": "max_tokens"},
        knows_developers=False,
        takes_schemas=False,
        wants_thoughts=True,
    )
    says = (
        Says("quota", (402,)),
        Says("content_refused", (400,), words=("content exists risk",)),
        Says("not_found", (400,), words=("model not exist",)),
        Says("context_too_long", (400,), words=("maximum context length",)),
        Says("rate_limited", (429,)),
        Says("overloaded", (503,)),
    )
