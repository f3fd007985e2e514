"""Reads, writes, transactions and leases against a real etcd."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from tollhouse.proto.etcd import (
    Compacted,
    Compare,
    EtcdClient,
    EtcdError,
    EtcdPermissionDenied,
    EtcdTooLarge,
    EtcdUnavailable,
    LeaseNotFound,
    Op,
    PutResult,
    RangeResult,
    Restored,
    TxnResult,
)

from tests.support.etcd_server import EtcdCluster, EtcdServer


@pytest.fixture
async def client(shared_etcd: EtcdServer) -> AsyncIterator[EtcdClient]:
    async with EtcdClient(shared_etcd.settings()) as client:
        yield client


@pytest.fixture
def prefix() -> str:
    return f"/{uuid.uuid4().hex}/"


async def test_put_get_delete(client: EtcdClient, prefix: str) -> None:
    """What was put is read back with its revisions, and gone after a delete."""
    first = await client.put(prefix + "a", b"1")
    second = await client.put(prefix + "a", b"2")
    found = await client.get(prefix + "a")
    assert found is not None
    assert (found.value, found.create_revision, found.mod_revision, found.version) == (b"2", first, second, 2)
    earlier = await client.get(prefix + "a", revision=first)
    assert earlier is not None
    assert earlier.value == b"1"
    assert await client.delete(prefix + "a") == 1
    assert await client.delete(prefix + "a") == 0
    assert await client.get(prefix + "a") is None


async def test_keys_that_are_not_utf8_survive(client: EtcdClient, prefix: str) -> None:
    """A foreign key of arbitrary bytes can be read, written and deleted."""
    key = prefix + b"\xff\xfe".decode("utf-8", "surrogateescape")
    await client.put(key, b"x")
    assert [kv.key for kv in (await client.get_prefix(prefix)).kvs] == [key]
    assert await client.delete(key) == 1


async def test_a_prefix_is_read_in_pages_at_one_revision(client: EtcdClient, prefix: str) -> None:
    """All pages see what the first saw, in key order; limit and keys_only hold across pages."""
    for number in range(25):
        await client.put(f"{prefix}{number:02}", b"v")
    await client.put(prefix[:-1] + "0", b"a neighbour")
    result = await client.get_prefix(prefix, page=4)
    assert [kv.key for kv in result.kvs] == [f"{prefix}{number:02}" for number in range(25)]
    assert result.count == 25
    assert result.revision >= max(kv.mod_revision for kv in result.kvs)
    few = await client.get_prefix(prefix, page=4, limit=6, keys_only=True)
    assert len(few.kvs) == 6
    assert few.kvs[0].value == b""
    older = await client.get_prefix(prefix, revision=result.kvs[9].mod_revision)
    assert len(older.kvs) == 10


async def test_transactions_return_their_revision_and_responses(client: EtcdClient, prefix: str) -> None:
    """Comparisons decide the branch; each operation answers, nested ones too; all in one revision."""
    revision = await client.put(prefix + "a", b"1")
    done = await client.txn(
        [
            Compare.mod(prefix + "a", "==", revision),
            Compare.missing(prefix + "b"),
            Compare.value(prefix + "a", "==", b"1"),
        ],
        [
            Op.put(prefix + "b", b"2"),
            Op.get(prefix, prefix=True),
            Op.txn((Compare.exists(prefix + "a"),), (Op.put(prefix + "c", b"3"),)),
        ],
    )
    assert done.succeeded
    assert done.revision == revision + 1
    put, read, nested = done.responses
    assert isinstance(put, PutResult)
    assert isinstance(read, RangeResult)
    assert [kv.key for kv in read.kvs] == [prefix + "a", prefix + "b"]
    assert isinstance(nested, TxnResult)
    assert nested.succeeded
    refused = await client.txn(
        [Compare.version(prefix + "c", ">", 1)], [Op.delete(prefix + "c")], [Op.get(prefix + "c")]
    )
    assert not refused.succeeded
    found = refused.responses[0]
    assert isinstance(found, RangeResult)
    assert found.kvs[0].mod_revision == done.revision


async def test_limits_are_told_apart(client: EtcdClient, prefix: str) -> None:
    """More than 128 operations or 1.5 MiB is EtcdTooLarge; nested transactions get past the first."""
    many = [Op.put(f"{prefix}{number}", b"v") for number in range(200)]
    with pytest.raises(EtcdTooLarge):
        await client.txn([], many)
    nested = await client.txn([], [Op.txn((), tuple(many[:100])), Op.txn((), tuple(many[100:]))])
    assert nested.succeeded
    with pytest.raises(EtcdTooLarge):
        await client.put(prefix + "big", b"x" * (2 << 20))
    with pytest.raises(EtcdError, match="duplicate key"):
        await client.txn([], [Op.put(prefix + "d", b"1"), Op.put(prefix + "d", b"2")])


async def test_leases(client: EtcdClient, prefix: str) -> None:
    """Keys under a lease go with it; keeping a lost lease alive says so."""
    lease = await client.lease_grant(30)
    await client.put(prefix + "a", b"1", lease=lease)
    found = await client.get(prefix + "a")
    assert found is not None
    assert found.lease == lease
    assert await client.lease_keepalive(lease) == 30
    await client.lease_revoke(lease)
    await client.lease_revoke(lease)
    assert await client.get(prefix + "a") is None
    with pytest.raises(LeaseNotFound):
        await client.lease_keepalive(lease)
    with pytest.raises(LeaseNotFound):
        await client.put(prefix + "a", b"1", lease=lease)


async def test_compacted_and_future_revisions(etcd: EtcdServer) -> None:
    """Reading at a compacted revision is Compacted, at a future one Restored."""
    async with EtcdClient(etcd.settings()) as client:
        revisions = [await client.put("/a", b"%d" % number) for number in range(5)]
        await client.compact(revisions[-1])
        with pytest.raises(Compacted):
            await client.get_prefix("/", revision=revisions[0])
        with pytest.raises(Restored):
            await client.get("/a", revision=revisions[-1] + 100)


async def test_a_dead_endpoint_is_passed_over(etcd_cluster: EtcdCluster) -> None:
    """Reads and writes go on over the other members; with a majority gone they fail as unavailable."""
    async with EtcdClient(etcd_cluster.settings(timeout_s=2.0)) as client:
        await client.put("/a", b"1")
        etcd_cluster.members[0].kill()
        for _ in range(40):  # the cluster may have to elect a leader first
            try:
                await client.put("/a", b"2")
                break
            except EtcdUnavailable:
                await asyncio.sleep(0.2)
        found = await client.get("/a")
        assert found is not None
        assert found.value == b"2"
        etcd_cluster.kill()
        with pytest.raises(EtcdUnavailable) as caught:
            await client.put("/a", b"3")
        assert await _eventually_not_sent(client), caught.value


async def _eventually_not_sent(client: EtcdClient) -> bool:
    """Once all connections are known to be dead, a failed write is known not to have arrived."""
    for _ in range(50):
        try:
            await client.put("/a", b"3")
        except EtcdUnavailable as problem:
            if not problem.maybe_applied:
                return True
        await asyncio.sleep(0.05)
    return False


async def test_a_frozen_endpoint_is_passed_over(etcd_cluster: EtcdCluster) -> None:
    """A read waits for a frozen member no longer than the timeout, then asks the next one."""
    async with EtcdClient(etcd_cluster.settings(timeout_s=1.0)) as client:
        await client.put("/a", b"1")
        leader = (await client.status()).leader_id
        status = await client.status()
        frozen = etcd_cluster.at(status.endpoint)
        frozen.freeze()
        try:
            found = None
            for _ in range(30):
                try:
                    found = await client.get("/a")
                    break
                except EtcdUnavailable:
                    await asyncio.sleep(0.2)
            assert found is not None, leader
        finally:
            frozen.thaw()


async def test_an_expired_token_is_renewed(etcd: EtcdServer) -> None:
    """A lost or expired token is renewed within the call; a wrong password and a foreign key are denied."""
    etcd.extra = ("--auth-token-ttl", "1")
    etcd.restart()
    etcd.enable_auth(reader="node", reader_prefix="/apisix")
    async with EtcdClient(etcd.settings(username="node", password="secret")) as client:
        assert await client.get("/apisix/a") is None
        await asyncio.sleep(2.5)
        assert await client.get("/apisix/a") is None
        await asyncio.to_thread(etcd.restart)  # forgets all tokens
        for _ in range(50):
            try:
                assert await client.get("/apisix/a") is None
                break
            except EtcdUnavailable:
                await asyncio.sleep(0.1)
        with pytest.raises(EtcdPermissionDenied):
            await client.put("/apisix/a", b"1")
        with pytest.raises(EtcdPermissionDenied):
            await client.get("/other")
    async with EtcdClient(etcd.settings(username="node", password="wrong")) as client:
        with pytest.raises(EtcdPermissionDenied) as caught:
            await client.get("/apisix/a")
        assert "wrong" not in str(caught.value)
    async with EtcdClient(etcd.settings()) as client:
        with pytest.raises(EtcdPermissionDenied):
            await client.get("/apisix/a")


async def test_a_password_where_auth_is_off_is_no_error(shared_etcd: EtcdServer) -> None:
    """Settings with a user work before an operator has turned passwords on."""
    async with EtcdClient(shared_etcd.settings(username="root", password="secret")) as client:
        assert await client.get("/nothing") is None


async def test_status_names_the_version(client: EtcdClient) -> None:
    """doctor can tell which etcd it talks to."""
    status = await client.status()
    assert status.version.startswith("3.")
    assert status.leader_id
