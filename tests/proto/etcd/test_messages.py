"""Our messages beside another package's, and our layout in another client's eyes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

from tollhouse.proto.etcd import EtcdClient, Op

from tests.support.etcd_server import EtcdServer

# etcd3 ships generated code of 2019: it loads only with protobuf in pure Python, hence a process of its own.
READER = """
import json, sys
import etcd3
import tollhouse.proto.etcd.messages as ours

theirs, known = etcd3.etcdrpc.RangeRequest, ours.RangeRequest.DESCRIPTOR
assert theirs is not ours.RangeRequest
for name in ("RangeRequest", "PutRequest", "TxnRequest", "WatchResponse", "Compare", "ResponseOp", "LeaseGrantRequest"):
    there = {field.name: field.number for field in getattr(etcd3.etcdrpc, name).DESCRIPTOR.fields}
    here = {field.name: field.number for field in getattr(ours, name).DESCRIPTOR.fields}
    assert all(there[field] == number for field, number in here.items() if field in there), name

host, _, port = sys.argv[1].partition(":")
client = etcd3.client(host, int(port))
found = {meta.key.decode(): json.loads(value) for value, meta in client.get_prefix("/apisix/")}
client.put("/apisix/routes/theirs", '{"uri": "/theirs"}')
print(json.dumps(found))
"""


async def test_an_independent_client_reads_our_layout(etcd: EtcdServer) -> None:
    """The etcd3 package reads what we wrote, as plain JSON under plain keys, and we read what it writes. Both
    packages' messages, of the same names, live in its process."""
    async with EtcdClient(etcd.settings()) as client:
        await client.txn([], [Op.put("/apisix/routes/1", b'{"uri": "/a"}'), Op.put("/apisix/services/s", b"{}")])
        environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
        command = [sys.executable, "-c", READER, etcd.address]
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"/apisix/routes/1": {"uri": "/a"}, "/apisix/services/s": {}}
        theirs = await client.get("/apisix/routes/theirs")
        assert theirs is not None
        assert json.loads(theirs.value) == {"uri": "/theirs"}
