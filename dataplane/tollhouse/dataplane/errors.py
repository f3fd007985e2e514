"""Errors that may cross a boundary, by whose fault they are.

    GatewayError
    ├── ClientError     4xx: the caller's; never retried by us
    ├── UpstreamError   the provider's; may be retried or failed over
    └── GatewayFault    ours; somebody is paged

The client's protocol renders them; see ``Protocol.encode_error``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

FailureClass = Literal["retry", "next", "final"]
"""What an upstream failure means for the attempt loop: try the same target again, try the next, or give up."""

Fault = Literal["agent", "provider", "gateway"]
"""Who has to change something for it to go well next time; ``gateway`` is whoever runs this one."""


class GatewayError(Exception):
    """A request that ends without the answer it asked for."""

    fault: Fault = "gateway"
    """Whose it is; who knows better overwrites it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        param: str | None = None,
        apisix_body: Mapping[str, Any] | str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        """Stable, for programs: ``model_not_found``, ``rate_limited``, ``prompt_denied``, ..."""
        self.message = message
        """Safe to show to the caller; says what to do. Never a secret, never a stack trace."""
        self.retry_after_s = retry_after_s
        self.headers: dict[str, str] = dict(headers or {})
        self.param = param
        """The field of the request at fault, if one is."""
        self.apisix_body = apisix_body
        """What APISIX answers in this case; used as the body on routes that serve no AI protocol."""
        self.body_override: bytes | None = None
        """The whole body to answer with, whatever the protocol (a plugin's ``_meta.error_response``)."""
        self.provider_body: Any = None
        """The provider's own error document, parsed, when the failure came from a provider."""


class ClientError(GatewayError):
    """The caller's fault: bad input, no permission, over a limit."""

    fault: Fault = "agent"


class UpstreamError(GatewayError):
    """The provider failed, or every one that could serve did."""

    fault: Fault = "provider"


class GatewayFault(GatewayError):
    """Our own fault. The message stays general; the cause goes to the log."""

    def __init__(self, code: str = "gateway_fault", message: str = "The gateway failed to handle the request.") -> None:
        super().__init__(500, code, message, apisix_body={"error_msg": message})
