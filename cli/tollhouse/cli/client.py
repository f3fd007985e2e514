"""The way to the control plane and to nodes: a gRPC channel, the token, and errors as people understand them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollhouse.cli.failure import REFUSED, UNREACHABLE, Failure

DEFAULT_SERVER = "127.0.0.1:9181"
DEFAULT_NODE = "127.0.0.1:9092"
DEFAULT_STATE_DIR = Path(".tollhouse")
KEY_FILE = "admin.key"
BEARER = "TOLLHOUSE_BEARER_TOKEN"


@dataclass(frozen=True)
class Connection:
    """Where the control plane is and how to identify there. One per process."""

    server: str = DEFAULT_SERVER
    admin_key: str = ""
    state_dir: Path = DEFAULT_STATE_DIR
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    timeout_s: float = 30.0

    def token(self) -> str:
        """The admin key: given, from ``TOLLHOUSE_ADMIN_KEY``, or the one ``gatewayctl up`` keeps in its folder."""
        if self.admin_key:
            return self.admin_key
        kept = self.state_dir / KEY_FILE
        return kept.read_text().strip() if kept.is_file() else ""

    def metadata(self, what: str) -> tuple[tuple[str, str], ...]:
        """What identifies us: a key, or to the control plane a token of its identity provider where there is no key."""
        token = self.token()
        bearer = os.environ.get(BEARER, "")
        if bearer and what == "control plane" and not token:
            return (("authorization", f"Bearer {bearer}"),)
        return (("x-api-key", token),) if token else ()

    @contextmanager
    def config(self) -> Iterator[Any]:
        """The ConfigService of the control plane."""
        from tollhouse.proto.admin.v1.config_pb2_grpc import ConfigServiceStub

        with self._channel(self.server, "control plane", "gatewayctl up --demo, or --server HOST:PORT") as channel:
            yield ConfigServiceStub(channel)

    @contextmanager
    def fleet(self) -> Iterator[Any]:
        """The FleetService of the control plane."""
        from tollhouse.proto.admin.v1.config_pb2_grpc import FleetServiceStub

        with self._channel(self.server, "control plane", "gatewayctl up --demo, or --server HOST:PORT") as channel:
            yield FleetServiceStub(channel)

    @contextmanager
    def history(self) -> Iterator[Any]:
        """The HistoryService of the control plane."""
        from tollhouse.proto.admin.v1.history_pb2_grpc import HistoryServiceStub

        with self._channel(self.server, "control plane", "gatewayctl up --demo, or --server HOST:PORT") as channel:
            yield HistoryServiceStub(channel)

    @contextmanager
    def audit(self) -> Iterator[Any]:
        """The AuditService of the control plane."""
        from tollhouse.proto.admin.v1.audit_pb2_grpc import AuditServiceStub

        with self._channel(self.server, "control plane", "gatewayctl up --demo, or --server HOST:PORT") as channel:
            yield AuditServiceStub(channel)

    @contextmanager
    def approvals(self) -> Iterator[Any]:
        """The ApprovalService of the control plane."""
        from tollhouse.proto.admin.v1.approvals_pb2_grpc import ApprovalServiceStub

        with self._channel(self.server, "control plane", "gatewayctl up --demo, or --server HOST:PORT") as channel:
            yield ApprovalServiceStub(channel)

    @contextmanager
    def spend(self) -> Iterator[Any]:
        """The SpendService of the control plane."""
        from tollhouse.proto.admin.v1.spend_pb2_grpc import SpendServiceStub

        with self._channel(self.server, "control plane", "gatewayctl up --demo, or --server HOST:PORT") as channel:
            yield SpendServiceStub(channel)

    @contextmanager
    def node_budgets(self, address: str) -> Iterator[Any]:
        """The BudgetService of one data-plane node."""
        from tollhouse.proto.admin.v1.spend_pb2_grpc import BudgetServiceStub

        with self._channel(address, "node", "gatewayctl nodes lists them; --node HOST:PORT names one") as channel:
            yield BudgetServiceStub(channel)

    @contextmanager
    def node(self, address: str) -> Iterator[Any]:
        """The NodeService of one data-plane node."""
        from tollhouse.proto.admin.v1.node_pb2_grpc import NodeServiceStub

        hint = "gatewayctl nodes lists them; --node HOST:PORT names one"
        with self._channel(address, "node", hint) as channel:
            yield NodeServiceStub(channel)

    @contextmanager
    def _channel(self, address: str, what: str, hint: str) -> Iterator[Any]:
        import grpc

        # The console is for people; gRPC's own warnings about a refused connection are not.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
        options.append(("grpc.enable_http_proxy", 0))
        with self._open(grpc, address, options) as channel:
            try:
                yield _Authenticated(channel, self.metadata(what), self.timeout_s)
            except grpc.RpcError as error:
                raise _failure(grpc, error, f"{what} at {address}", hint) from None

    def _open(self, grpc: Any, address: str, options: list[tuple[str, int]]) -> Any:
        if not (self.tls_ca or self.tls_cert):
            return grpc.insecure_channel(address, options=options)

        def read(path: str) -> bytes | None:
            return Path(path).read_bytes() if path else None

        credentials = grpc.ssl_channel_credentials(read(self.tls_ca), read(self.tls_key), read(self.tls_cert))
        return grpc.secure_channel(address, credentials, options=options)


class _Authenticated:
    """A channel that adds the token and a deadline to every call."""

    def __init__(self, channel: Any, metadata: tuple[tuple[str, str], ...], timeout_s: float) -> None:
        self._channel = channel
        self._metadata = metadata
        self._timeout_s = timeout_s

    def unary_unary(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        call = self._channel.unary_unary(*args, **kwargs)

        def invoke(request: Any, timeout: float | None = None, **more: Any) -> Any:
            return call(request, timeout=timeout or self._timeout_s, metadata=self._metadata, **more)

        return invoke

    def stream_stream(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        call = self._channel.stream_stream(*args, **kwargs)

        def invoke(requests: Any, **more: Any) -> Any:
            return call(requests, metadata=self._metadata, **more)

        return invoke

    def unary_stream(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        call = self._channel.unary_stream(*args, **kwargs)

        def invoke(request: Any, **more: Any) -> Any:
            return call(request, metadata=self._metadata, **more)

        return invoke


def _failure(grpc: Any, error: Any, what: str, hint: str) -> Failure:
    code, details = error.code(), (error.details() or "").strip()
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        # gRPC's own words; what a service says of something behind it, etcd say, begins with that one's name.
        if not details or details.lower().startswith(("failed to connect", "connection refused")):
            return Failure(f"cannot reach the {what}", f"start it ({hint})", UNREACHABLE)
        return Failure(f"{what}: {details}", "see gatewayctl doctor", UNREACHABLE)
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return Failure(details or "the admin key is missing or wrong", "set TOLLHOUSE_ADMIN_KEY, or --admin-key")
    if code == grpc.StatusCode.PERMISSION_DENIED:
        return Failure(details or "this key may not do that", "use a key with the admin role")
    if code == grpc.StatusCode.ABORTED:
        return Failure(details or "the configuration changed meanwhile", "look at the change and try again")
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return Failure(f"the {what} does not offer this", "is it an older version?")
    return Failure(details or f"{what}: {code.name.lower()}", code=REFUSED)
