"""What etcd and gRPC say, as the error a caller can act on."""

from __future__ import annotations

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from tollhouse.proto.etcd import (
    Compacted,
    EtcdError,
    EtcdNoSpace,
    EtcdPermissionDenied,
    EtcdTooLarge,
    EtcdUnavailable,
    LeaseNotFound,
    Restored,
)
from tollhouse.proto.etcd.connection import needs_login, translate


def said(code: grpc.StatusCode, details: str) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details)


@pytest.mark.parametrize(
    ("code", "details", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader", EtcdUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", EtcdUnavailable),
        (grpc.StatusCode.UNKNOWN, "context deadline exceeded", EtcdUnavailable),
        (grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied", EtcdPermissionDenied),
        (grpc.StatusCode.UNAUTHENTICATED, "etcdserver: invalid auth token", EtcdPermissionDenied),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: user name is empty", EtcdPermissionDenied),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: authentication failed, invalid user", EtcdPermissionDenied),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: request is too large", EtcdTooLarge),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: too many operations in txn request", EtcdTooLarge),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "grpc: received message larger than max", EtcdTooLarge),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", EtcdNoSpace),
        (grpc.StatusCode.NOT_FOUND, "etcdserver: requested lease not found", LeaseNotFound),
        (grpc.StatusCode.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Compacted),
        (grpc.StatusCode.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision", Restored),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request", EtcdError),
    ],
)
def test_each_failure_has_its_error(code: grpc.StatusCode, details: str, expected: type[EtcdError]) -> None:
    """Callers tell failures apart by class, never by text."""
    assert type(translate(said(code, details), "127.0.0.1:2379")) is expected


def test_a_write_that_may_have_arrived_says_so() -> None:
    """Only a connection that never stood rules it out; reads are never in doubt."""
    lost = said(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    never = said(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: refused")
    for error, write, expected in ((lost, True, True), (never, True, False), (lost, False, False)):
        problem = translate(error, "etcd:2379", write=write)
        assert isinstance(problem, EtcdUnavailable)
        assert problem.maybe_applied is expected
    assert str(translate(never, "etcd:2379")) == "etcd at etcd:2379: no connection to it can be made"


def test_what_calls_for_a_new_token() -> None:
    """etcd has three ways of saying that a token is no good."""
    assert needs_login(said(grpc.StatusCode.UNAUTHENTICATED, "etcdserver: invalid auth token"))
    assert needs_login(said(grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: user name is empty"))
    assert needs_login(said(grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: revision of auth store is old"))
    assert not needs_login(said(grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied"))
