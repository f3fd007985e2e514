"""Calls to etcd: channels to all endpoints, one of them in use, the password's token, and errors as ours."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message
from tollhouse.proto.etcd import messages as pb
from tollhouse.proto.etcd.errors import (
    Compacted,
    EtcdError,
    EtcdNoSpace,
    EtcdPermissionDenied,
    EtcdTooLarge,
    EtcdUnavailable,
    LeaseNotFound,
    Restored,
)
from tollhouse.proto.etcd.settings import EtcdSettings

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)

log = logging.getLogger("tollhouse.etcd")

_OPTIONS: list[tuple[str, Any]] = [
    # Catch-up after an outage arrives as one response, however large (30,000 events were seen in one).
    ("grpc.max_receive_message_length", 1 << 30),
    ("grpc.max_send_message_length", 64 << 20),
    # Below 5 s etcd answers pings with GOAWAY too_many_pings, and without calls it wants none at all.
    ("grpc.keepalive_time_ms", 6000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.ping_timeout_ms", 2000),  # the one that really closes the connection in grpcio 1.85
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
]


@dataclass(frozen=True, slots=True)
class Method(Generic[Q, R]):
    """One RPC of etcd."""

    path: str
    request: type[Q]
    response: type[R]


RANGE = Method("/etcdserverpb.KV/Range", pb.RangeRequest, pb.RangeResponse)
PUT = Method("/etcdserverpb.KV/Put", pb.PutRequest, pb.PutResponse)
DELETE_RANGE = Method("/etcdserverpb.KV/DeleteRange", pb.DeleteRangeRequest, pb.DeleteRangeResponse)
TXN = Method("/etcdserverpb.KV/Txn", pb.TxnRequest, pb.TxnResponse)
COMPACT = Method("/etcdserverpb.KV/Compact", pb.CompactionRequest, pb.CompactionResponse)
WATCH = Method("/etcdserverpb.Watch/Watch", pb.WatchRequest, pb.WatchResponse)
LEASE_GRANT = Method("/etcdserverpb.Lease/LeaseGrant", pb.LeaseGrantRequest, pb.LeaseGrantResponse)
LEASE_REVOKE = Method("/etcdserverpb.Lease/LeaseRevoke", pb.LeaseRevokeRequest, pb.LeaseRevokeResponse)
LEASE_KEEP_ALIVE = Method("/etcdserverpb.Lease/LeaseKeepAlive", pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse)
STATUS = Method("/etcdserverpb.Maintenance/Status", pb.StatusRequest, pb.StatusResponse)
AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", pb.AuthenticateRequest, pb.AuthenticateResponse)


def needs_login(error: grpc.aio.AioRpcError) -> bool:
    """The token is missing, expired or outdated; etcd has three ways of saying so and has applied nothing."""
    details = error.details() or ""
    return error.code() is grpc.StatusCode.UNAUTHENTICATED or (
        error.code() is grpc.StatusCode.INVALID_ARGUMENT
        and ("user name is empty" in details or "revision of auth store is old" in details)
    )


def translate(error: grpc.aio.AioRpcError, endpoint: str, *, write: bool = False) -> EtcdError:
    """gRPC's error as one of ours."""
    code, details = error.code(), error.details() or error.code().name
    where = f"etcd at {endpoint}"
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED) or (
        # A member that loses its leader passes Go's own words on without a code.
        code is grpc.StatusCode.UNKNOWN and details.startswith("context ")
    ):
        said = "no connection to it can be made" if _never_sent(error) else details
        return EtcdUnavailable(f"{where}: {said}", maybe_applied=write and not _never_sent(error))
    if code is grpc.StatusCode.PERMISSION_DENIED or needs_login(error) or "authentication failed" in details:
        return EtcdPermissionDenied(f"{where}: {details}")
    if "too large" in details or "too many operations" in details or "larger than max" in details:
        return EtcdTooLarge(f"{where}: {details}")
    if "space exceeded" in details:
        return EtcdNoSpace(f"{where}: {details}")
    if "lease not found" in details:
        return LeaseNotFound(f"{where}: {details}")
    if "has been compacted" in details:
        return Compacted(0)
    if "future revision" in details:
        return Restored(details)
    return EtcdError(f"{where}: {details} ({code.name})")


def _never_sent(error: grpc.aio.AioRpcError) -> bool:
    return error.code() is grpc.StatusCode.UNAVAILABLE and (error.details() or "").startswith(
        "failed to connect to all"
    )


class Stream(Generic[Q, R]):
    """One two-way call. ``cancel`` it at the end; used by one task, except ``cancel``."""

    def __init__(self, call: Any, target: str) -> None:
        self._call = call
        self.target = target

    async def write(self, message: Q) -> None:
        """Send one message. Raises EtcdError."""
        try:
            await self._call.write(message)
        except grpc.aio.AioRpcError as error:
            raise translate(error, self.target) from None
        except asyncio.InvalidStateError:
            raise EtcdUnavailable(f"etcd at {self.target}: the call is over") from None

    async def read(self) -> R:
        """The next message. Raises EtcdError, also when the server or ``cancel`` ended the call."""
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise translate(error, self.target) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # gRPC also raises it when the call, not the task, was cancelled.
            raise EtcdUnavailable(f"etcd at {self.target}: the call was given up") from None
        if message is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs lack it
            raise EtcdUnavailable(f"etcd at {self.target}: the server ended the call")
        response: R = message
        return response

    def cancel(self) -> None:
        """End the call; a waiting ``read`` fails."""
        self._call.cancel()


class Connection:
    """Channels to every endpoint, opened when first needed; calls go to the current one until it fails. Shared by all
    tasks of one event loop."""

    def __init__(self, settings: EtcdSettings) -> None:
        self.settings = settings
        self._targets = settings.targets
        self._current = 0
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._token = ""
        self._login = asyncio.Lock()

    @property
    def endpoint(self) -> str:
        """The endpoint in use."""
        return self._targets[self._current]

    def leave(self, endpoint: str) -> None:
        """Use the next endpoint, unless somebody moved on from this one already."""
        if self.endpoint == endpoint:
            self._current = (self._current + 1) % len(self._targets)

    def _channel(self, endpoint: str) -> grpc.aio.Channel:
        channel = self._channels.get(endpoint)
        if channel is None:
            channel = self._channels[endpoint] = self._open(endpoint)
        return channel

    def _open(self, endpoint: str) -> grpc.aio.Channel:
        settings = self.settings
        if not settings.secure:
            return grpc.aio.insecure_channel(endpoint, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_read(settings.ca_file),
            private_key=_read(settings.key_file),
            certificate_chain=_read(settings.cert_file),
        )
        name = [("grpc.ssl_target_name_override", settings.server_name)] if settings.server_name else []
        return grpc.aio.secure_channel(endpoint, credentials, options=_OPTIONS + name)

    async def call(
        self, method: Method[Q, R], request: Q, *, write: bool = False, endpoint: str = "", timeout_s: float = 0
    ) -> R:
        """One unary call. Reads are tried on each endpoint; writes move on only when they cannot have arrived."""
        tries = 1 if endpoint else len(self._targets)
        while True:
            target = endpoint or self.endpoint
            tries -= 1
            try:
                return await self._call_one(method, request, target, timeout_s or self.settings.timeout_s)
            except grpc.aio.AioRpcError as error:
                problem = translate(error, target, write=write)
                if not isinstance(problem, EtcdUnavailable):
                    raise problem from None
                self.leave(target)
                if tries <= 0 or problem.maybe_applied:
                    raise problem from None

    async def _call_one(self, method: Method[Q, R], request: Q, target: str, timeout_s: float) -> R:
        """A call to one endpoint, repeated once with a new token when etcd asks for one."""
        call = self._channel(target).unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        if self.settings.username and not self._token:
            await self.login(target)
        token = self._token
        try:
            response: R = await call(request, timeout=timeout_s, metadata=self.metadata())
            return response
        except grpc.aio.AioRpcError as error:
            if not self.settings.username or not needs_login(error):
                raise
            await self.login(target, stale=token)
        repeated: R = await call(request, timeout=timeout_s, metadata=self.metadata())
        return repeated

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The token as plain metadata: gRPC refuses call credentials on channels without TLS."""
        return (("token", self._token),) if self._token else ()

    async def login(self, target: str, *, stale: str = "") -> None:
        """Get a token, unless another task got one since ``stale`` was used. Raises gRPC's error."""
        async with self._login:
            if self._token != stale:
                return
            call = self._channel(target).unary_unary(
                AUTHENTICATE.path,
                request_serializer=pb.AuthenticateRequest.SerializeToString,
                response_deserializer=pb.AuthenticateResponse.FromString,
            )
            request = pb.AuthenticateRequest(name=self.settings.username, password=self.settings.password)
            try:
                response: pb.AuthenticateResponse = await call(request, timeout=self.settings.timeout_s)
            except grpc.aio.AioRpcError as error:
                if "authentication is not enabled" not in (error.details() or ""):
                    raise
                log.warning("etcd asks for no password", extra={"user": self.settings.username})
                return
            self._token = response.token

    async def relogin(self, target: str) -> None:
        """Get a new token whatever the old one. Raises EtcdError."""
        if not self.settings.username:
            return
        try:
            await self.login(target, stale=self._token)
        except grpc.aio.AioRpcError as error:
            raise translate(error, target) from None

    async def stream(self, method: Method[Q, R], target: str, *, timeout_s: float | None = None) -> Stream[Q, R]:
        """An open two-way stream to one endpoint. Raises EtcdError."""
        if self.settings.username and not self._token:
            await self.relogin(target)
        call = self._channel(target).stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return Stream(call(None, metadata=self.metadata(), timeout=timeout_s), target)

    async def close(self) -> None:
        """Close all channels; open calls end."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close(grace=None)


def _read(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
