"""What Google's error documentation says, of Gemini and Vertex AI alike (``google.rpc.Status`` and its reasons)."""

from __future__ import annotations

from tollhouse.dataplane.providers._says import Says

GOOGLE = (
    Says("quota", tags=("billing_disabled",)),
    Says(
        "auth",
        tags=(
            *("api_key_invalid", "api_key_expired", "api_key_service_blocked", "api_key_ip_address_blocked"),
            *("api_key_http_referrer_blocked", "service_disabled", "consumer_suspended", "consumer_invalid"),
            *("access_token_expired", "access_token_type_unsupported", "credentials_missing", "account_state_invalid"),
        ),
    ),
    Says(
        "auth",
        (400, 403),
        words=("api key not valid", "api key expired", "reported as leaked", "unregistered callers"),
    ),
    Says("overloaded", tags=("model_capacity_exhausted",)),
    Says("overloaded", (429,), words=("no capacity available",)),
    Says("rate_limited", (429,)),  # its sentence speaks of plan and billing also where a minute is meant
    Says("context_too_long", (400,), words=("token count",), beside="exceeds"),
    Says("context_too_long", (400,), words=("token count",), beside="only supports up to"),
    Says("content_refused", (400,), words=("responsible ai practices", "usage guidelines")),
    Says("no_access", (400,), words=("location is not supported", "free tier is not available")),
    Says("no_access", (403,)),
)
