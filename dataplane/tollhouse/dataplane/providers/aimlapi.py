"""AI/ML API, a broker of many vendors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class AimlApi(Vendor):
    """Speaks chat completions without a version in the path."""

    type = "aimlapi"
    otel_name = "aimlapi"
    endpoint = "https://api.aimlapi.com"
    speaks: ClassVar[Mapping[str, str]] = {"openai_chat": "/chat/completions"}
    default_key = "$env://AIMLAPI_API_KEY"
    hosts = ("api.aimlapi.com",)
