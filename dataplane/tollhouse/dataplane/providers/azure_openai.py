"""Azure OpenAI: by its v1 paths, where the model is the deployment's name, or by the address of one deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class AzureOpenAi(Vendor):
    """Needs ``endpoint``: the resource alone (``https://name.openai.azure.com``), or the whole address of a deployment
    with its ``api-version``, which names the model itself. The key goes into ``api-key``."""

    type = "azure-openai"
    otel_name = "azure.ai.openai"
    speaks: ClassVar[Mapping[str, str]] = {
        "openai_chat": "/openai/v1/chat/completions",
        "openai_responses": "/openai/v1/responses",
        "openai_embeddings": "/openai/v1/embeddings",
        "openai_passthrough": "/openai/{rest}",
    }
    auth_header = "api-key"
    auth_scheme = ""
    default_key = "$env://AZURE_OPENAI_API_KEY"
    sends_model = False
    max_tokens_field: ClassVar[Mapping[str, str]] = {"openai_chat": "max_completion_tokens"}
    dialect = Dialect()  # with the API version of an address, it refuses what that does not know
    says = (
        Says("content_refused", tags=("content_filter", "responsibleaipolicyviolation")),
        Says("context_too_long", tags=("context_length_exceeded", "string_above_max_length")),
        Says("overloaded", (429,), words=("currently experiencing high demand", "temporarily unable to process")),
        Says("quota", (403, 429), tags=("insufficient_quota", "quotaexceeded")),
        Says("quota", (403,), words=("out of call volume quota",)),
        Says("rate_limited", (429,)),
        Says("no_access", (401, 403), tags=("permissiondenied",)),  # a role without this action
        Says("auth", (403,), words=("virtual network", "firewall")),  # it holds for the whole resource
        Says("not_found", tags=("deploymentnotfound",)),
    )
