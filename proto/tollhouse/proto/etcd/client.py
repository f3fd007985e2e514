"""The asyncio client: reads, writes, transactions, leases; watches come from ``watch``."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.proto.etcd import connection as rpc
from tollhouse.proto.etcd import messages as pb
from tollhouse.proto.etcd import wire
from tollhouse.proto.etcd.connection import Connection
from tollhouse.proto.etcd.errors import Compacted, EtcdError, EtcdPermissionDenied, EtcdUnavailable, LeaseNotFound
from tollhouse.proto.etcd.model import Compare, EndpointStatus, KeyValue, Op, RangeResult, TxnResult
from tollhouse.proto.etcd.settings import EtcdSettings
from tollhouse.proto.etcd.watch import Watch

_RANGE_TRIES = 3


class EtcdClient:
    """One client per event loop, shared by its tasks. Opens nothing until the first call; ``close`` it at the end.

    Every method raises EtcdError. A read is tried on each endpoint; a write that may have reached etcd is not
    repeated: see ``EtcdUnavailable.maybe_applied``.
    """

    def __init__(self, settings: EtcdSettings | None = None) -> None:
        self.settings = settings or EtcdSettings()
        self._connection = Connection(self.settings)

    async def __aenter__(self) -> EtcdClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; open watches end."""
        await self._connection.close()

    async def get(self, key: str, *, revision: int = 0) -> KeyValue | None:
        """One key, now or as it was at ``revision``; None when it is not there."""
        request = wire.encode_range(key, prefix=False)
        request.revision = revision
        response = await self._connection.call(rpc.RANGE, request)
        return wire.decode_kv(response.kvs[0]) if response.kvs else None

    async def get_prefix(
        self, prefix: str, *, revision: int = 0, limit: int = 0, keys_only: bool = False, page: int = 2000
    ) -> RangeResult:
        """All keys under a prefix as of one revision, read in pages. Raises Compacted when ``revision`` is gone."""
        for attempt in range(_RANGE_TRIES):
            try:
                return await self._read_pages(prefix, revision, limit, keys_only, page)
            except Compacted:
                # Between two pages of a read "as of now" history may be compacted: begin again.
                if revision or attempt == _RANGE_TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _read_pages(self, prefix: str, revision: int, limit: int, keys_only: bool, page: int) -> RangeResult:
        kvs: list[KeyValue] = []
        request = wire.encode_range(prefix, prefix=True, keys_only=keys_only)
        request.revision = revision
        count = 0
        while True:
            request.limit = min(page, limit - len(kvs)) if limit else page
            response = await self._connection.call(rpc.RANGE, request)
            if not count:
                count = response.count
                # The pages after the first must see what the first saw.
                revision = request.revision = revision or response.header.revision
            kvs.extend(wire.decode_kv(kv) for kv in response.kvs)
            if not response.more or (limit and len(kvs) >= limit):
                return RangeResult(tuple(kvs), revision or response.header.revision, count)
            request.key = response.kvs[-1].key + b"\0"

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write a key; returns its mod_revision."""
        request = pb.PutRequest(key=wire.encode_key(key), value=value, lease=lease)
        response = await self._connection.call(rpc.PUT, request, write=True)
        return response.header.revision

    async def delete(self, key: str, *, prefix: bool = False) -> int:
        """Delete a key, or everything under a prefix; returns how many there were."""
        response = await self._connection.call(rpc.DELETE_RANGE, wire.encode_delete(key, prefix=prefix), write=True)
        return response.deleted

    async def txn(
        self, compares: Sequence[Compare], success: Sequence[Op], failure: Sequence[Op] = (), *, timeout_s: float = 0
    ) -> TxnResult:
        """All of ``success`` when every comparison holds, else all of ``failure``; in one revision."""
        request = wire.encode_txn(tuple(compares), tuple(success), tuple(failure))
        return wire.decode_txn(await self._connection.call(rpc.TXN, request, write=True, timeout_s=timeout_s))

    async def compact(self, revision: int) -> None:
        """Forget history before ``revision``."""
        await self._connection.call(rpc.COMPACT, pb.CompactionRequest(revision=revision, physical=True), write=True)

    def watch(self, prefix: str, start_revision: int, *, witness: KeyValue | None = None) -> Watch:
        """Changes under a prefix from ``start_revision`` on (the revision of a read, plus one). ``witness``, a key of
        that read, lets the watch recognise a restored etcd; see ``Watch``."""
        return Watch(self._connection, prefix, start_revision, witness)

    async def lease_grant(self, ttl_s: int) -> int:
        """A new lease; returns its id. Keys put under it vanish when it is not kept alive."""
        response = await self._connection.call(rpc.LEASE_GRANT, pb.LeaseGrantRequest(TTL=ttl_s), write=True)
        if response.error:
            raise EtcdError(f"etcd did not grant a lease: {response.error}")
        return response.ID

    async def lease_keepalive(self, lease: int) -> int:
        """Renew a lease; returns its time to live in seconds. Raises LeaseNotFound when it is gone."""
        target = self._connection.endpoint
        call = await self._connection.stream(rpc.LEASE_KEEP_ALIVE, target, timeout_s=self.settings.timeout_s)
        try:
            await call.write(pb.LeaseKeepAliveRequest(ID=lease))
            response = await call.read()
        except EtcdPermissionDenied:
            await self._connection.relogin(target)
            raise
        except EtcdUnavailable:
            self._connection.leave(target)
            raise
        finally:
            call.cancel()
        if response.TTL <= 0:
            raise LeaseNotFound(f"etcd at {target}: lease {lease:x} is gone")
        return response.TTL

    async def lease_revoke(self, lease: int) -> None:
        """End a lease and delete the keys under it; a lease that is gone already is no error."""
        try:
            await self._connection.call(rpc.LEASE_REVOKE, pb.LeaseRevokeRequest(ID=lease), write=True)
        except LeaseNotFound:
            return

    async def status(self, endpoint: str = "") -> EndpointStatus:
        """What an endpoint (``host:port``; default: the one in use) says of itself."""
        response = await self._connection.call(rpc.STATUS, pb.StatusRequest(), endpoint=endpoint)
        return EndpointStatus(
            endpoint=endpoint or self._connection.endpoint,
            version=response.version,
            db_size=response.dbSize,
            revision=response.header.revision,
            member_id=response.header.member_id,
            leader_id=response.leader,
            errors=tuple(response.errors),
        )
