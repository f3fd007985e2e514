"""Azure OpenAI: the endpoint names the deployment, so the model is not sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._vendor import Vendor


class AzureOpenAi(Vendor):
    """Needs ``endpoint``, up to the deployment and with ``api-version``; the key goes into ``api-key``."""

    type = "azure-openai"
    otel_name = "azure.ai.openai"
    speaks: ClassVar[Mapping[str, str]] = {"openai_chat": "/chat/completions"}
    auth_header = "api-key"
    auth_scheme = ""
    default_key = "$env://AZURE_OPENAI_API_KEY"
    sends_model = False
