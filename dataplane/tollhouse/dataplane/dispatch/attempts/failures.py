"""Between the worlds: what broke on the wire as a failure, and failures as the error the client is told."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dataplane.errors import ClientError, GatewayError, GatewayFault, UpstreamError
from tollhouse.dataplane.protocols._failures import INVALID_STREAM
from tollhouse.dataplane.provider import Provider, UpstreamFailure
from tollhouse.dataplane.transport import TransportError

CODES = {
    "bad_request": "bad_request",
    "context_too_long": "context_too_long",
    "content_refused": "content_refused",
    "too_large": "request_too_large",
    "not_found": "model_not_found",
    "unsupported": "unsupported_by_model",
    "no_access": "provider_access_denied",
    "rate_limited": "provider_rate_limited",
    "overloaded": "provider_overloaded",
    "server_error": "provider_error",
    "timeout": "provider_timeout",
    "slow": "provider_timeout",
    "connect": "provider_unreachable",
    "cut": "provider_cut",
    "invalid_reply": "invalid_upstream_reply",
    "spoilt": "invalid_upstream_reply",
    "auth": "provider_credentials_rejected",
    "quota": "provider_quota_exhausted",
    "open": "provider_unavailable",
    "busy": "overloaded",
}
"""Kind of failure -> the stable code clients see."""


_TOLD = frozenset({"not_found", "too_large", "unsupported"})
"""What the provider says is told, though others may have said something else before."""

_OURS = {
    "auth": "rejected the gateway's credentials",
    "quota": "says the gateway's quota is used up",
    "no_access": "does not let the gateway's key use this model",
}
"""What a provider says of the gateway's own key is not repeated: it may quote it, or name who it belongs to."""


def of_transport(error: TransportError) -> UpstreamFailure:
    """A broken exchange as a failure. All of them may go better elsewhere."""
    kind = "timeout" if error.timed_out else "invalid_reply" if error.phase == "framing" else "connect"
    return UpstreamFailure("next", kind, 0, error.message, unsent=not error.request_sent)


def of_error(error: GatewayError) -> UpstreamFailure:
    """A reply that could not be read, or a secret that could not be had, as a failure."""
    kind = "auth" if isinstance(error, GatewayFault) else "invalid_reply"
    return UpstreamFailure("next", kind, 0, error.message)


def of_answer(provider: Provider, error: GatewayError) -> UpstreamFailure:
    """What an answer of 200 said of itself, or what we found wrong with it."""
    if error.code in (INVALID_STREAM, CODES["invalid_reply"]):
        return UpstreamFailure("next", "invalid_reply", 0, error.message)
    failure = provider.read_stream_failure(error.code, error.message, error.provider_body)
    failure.body = error.provider_body
    return failure


def refused() -> UpstreamFailure:
    """An answer of 200 that held nothing but the refusal to give one."""
    return UpstreamFailure("final", "content_refused", 400, "The provider refused to answer this content.")


def not_carried(refused: ClientError) -> UpstreamFailure:
    """What the target's format cannot carry: that of another target may."""
    failure = UpstreamFailure("next", "unsupported", 400, refused.message)
    failure.fault = "agent"
    return failure


def cut(message: str = "The provider's stream ended before the answer was complete.") -> UpstreamFailure:
    """A stream that ended without its end mark."""
    return UpstreamFailure("next", "cut", 0, message)


def to_error(failures: Sequence[UpstreamFailure], names: Sequence[str]) -> UpstreamError:
    """What the client is told. ``names``: the targets that were tried, aligned with ``failures``."""
    error = _to_error(failures, names)
    faults = [failure.fault for failure in failures]
    # Where everybody failed, a provider that should have answered outweighs one that could not be asked.
    error.fault = faults[-1] if error.code != "all_targets_failed" or "provider" not in faults else "provider"
    return error


def _to_error(failures: Sequence[UpstreamFailure], names: Sequence[str]) -> UpstreamError:
    last = failures[-1]
    if last.failure_class == "final" or last.kind in _TOLD:
        return _told(last, last.status or 502)
    if len({*names}) > 1:
        return _all_failed(failures, names)
    if last.kind in _OURS:
        if last.kind == "auth" and not last.status:
            message = f"The gateway's key for {names[-1]} is missing on this node. Tell whoever runs the gateway."
            return UpstreamError(502, CODES[last.kind], message)
        message = (
            f"The provider behind {names[-1]} {_OURS[last.kind]}. Your own key is fine; tell whoever runs the gateway."
        )
        return UpstreamError(502, CODES[last.kind], message)
    return _told(last, last.status or (504 if last.kind == "timeout" else 503))


def _told(failure: UpstreamFailure, status: int) -> UpstreamError:
    error = UpstreamError(
        status if 400 <= status <= 599 else 502,
        CODES.get(failure.kind, "provider_error"),
        failure.message,
        retry_after_s=failure.retry_after_s,
    )
    error.provider_body = failure.body
    return error


def _all_failed(failures: Sequence[UpstreamFailure], names: Sequence[str]) -> UpstreamError:
    waits = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
    retry_after = min(waits) if waits else None
    told = "; ".join(f"{name}: {_shown(failure)}" for name, failure in zip(names, failures, strict=True))
    if all(failure.kind == "rate_limited" for failure in failures):
        return UpstreamError(
            429, "provider_rate_limited", f"Every target is rate limited ({told}).", retry_after_s=retry_after
        )
    return UpstreamError(503, "all_targets_failed", f"Every target failed ({told}).", retry_after_s=retry_after)


def _shown(failure: UpstreamFailure) -> str:
    """One failure in a few words."""
    if failure.kind == "auth" and not failure.status:
        return "no key for it on this node"
    if failure.kind in _OURS:
        return f"the provider {_OURS[failure.kind]}"
    status = f"{failure.status} " if failure.status else ""
    return f"{status}{failure.message[:200]}"
