"""AWS Bedrock, by converse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.providers._says import Says
from tollhouse.dataplane.providers._vendor import Vendor


class Bedrock(Vendor):
    """Needs ``endpoint``, whose host names the region (``https://bedrock-runtime.us-east-1.amazonaws.com``). Requests
    are signed with ``auth.aws``, by default the keys in AWS's usual environment variables; an API key of Bedrock's
    goes into ``auth.header`` as a bearer instead."""

    type = "bedrock"
    otel_name = "aws.bedrock"
    speaks: ClassVar[Mapping[str, str]] = {"bedrock_converse": "/model/{model}/converse"}
    streams: ClassVar[Mapping[str, str]] = {"bedrock_converse": "/model/{model}/converse-stream"}
    encodes_model: ClassVar[bool] = True
    credentials: ClassVar[Mapping[str, str]] = {
        "access_key_id": "$env://AWS_ACCESS_KEY_ID",
        "secret_access_key": "$env://AWS_SECRET_ACCESS_KEY",
    }
    signs = "aws"
    native_models = ("anthropic.*", "*.anthropic.*", "amazon.*", "meta.*", "mistral.*")
    says = (
        Says(
            "auth",
            tags=(
                *("unrecognizedclientexception", "invalidsignatureexception", "expiredtokenexception"),
                *("missingauthenticationtokenexception", "incompletesignatureexception", "optinrequired"),
            ),
        ),
        Says("auth", (401, 403), words=("api key is valid",)),
        Says("no_access", tags=("accessdeniedexception",)),  # access is given model by model
        Says(
            "overloaded", tags=("modelnotreadyexception",), again=True
        ),  # its SDK asks again at once, up to five times
        Says("server_error", tags=("modelerrorexception",), again=True),
        Says("rate_limited", tags=("throttlingexception", "servicequotaexceededexception")),
        Says("timeout", tags=("modeltimeoutexception",)),
        Says("overloaded", tags=("serviceunavailableexception",)),
        Says("server_error", tags=("internalserverexception",)),
        Says("not_found", tags=("resourcenotfoundexception",)),
        Says(
            "not_found", (400,), words=("model identifier is invalid", "with on-demand throughput", "end of its life")
        ),
        Says("context_too_long", (400,), words=("input is too long", "prompt is too long", "input tokens exceeded")),
    )

    def locate(self, region: str, project: str) -> str:
        """As the port says."""
        return f"https://bedrock-runtime.{region}.amazonaws.com"
