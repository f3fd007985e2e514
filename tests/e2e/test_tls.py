"""Every connection between the parts over TLS, with certificates on both sides: REST, gRPC, etcd, Redis, PostgreSQL."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import grpc
import pytest
from redis import Redis
from tollhouse.proto.admin.v1 import node_pb2, node_pb2_grpc

from tests.support.certificates import Authority
from tests.support.etcd_server import EtcdServer, free_ports
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.system import ADMIN_KEY, SEALING_KEY, Node, Process, Simulators, call, wait_for

NODE_KEY = "key-of-the-node-for-its-records-0123"


class Fleet:
    """One of each, each with a certificate of one authority."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "ca")
        self.ca = str(authority.ca_file)
        self.cert, self.key = map(str, authority.issue("client"))
        cert, key = map(str, authority.issue("server"))
        self.server_pair = (cert, key)
        self.simulators = Simulators()
        etcd_flags = ("--cert-file", cert, "--key-file", key, "--client-cert-auth", "--trusted-ca-file", self.ca)
        self.etcd = EtcdServer(folder, scheme="https", extra=etcd_flags)
        self.admin, self.admin_grpc, redis_tls = free_ports(3)
        redis_flags = ("--tls-port", str(redis_tls), "--tls-cert-file", cert, "--tls-key-file", key)
        self.redis = RedisServer(*redis_flags, "--tls-ca-cert-file", self.ca, "--tls-auth-clients", "yes")
        self.postgres = PostgresServer(tls=(Path(cert), Path(key), authority.ca_file))
        etcd = ("--etcd", self.etcd.endpoint, "--etcd-ca", self.ca, "--etcd-cert", self.cert, "--etcd-key", self.key)
        keys = folder / "keys.json"
        keys.write_text(json.dumps([{"name": "nodes", "role": "node", "key": NODE_KEY}]))
        command = [
            *(sys.executable, "-m", "tollhouse.controlplane", *etcd, "--admin-keys-file", str(keys)),
            *("--admin-listen", f"127.0.0.1:{self.admin}", "--grpc-listen", f"127.0.0.1:{self.admin_grpc}"),
            *("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", self.ca),
            *("--node-ca", self.ca, "--node-cert", self.cert, "--node-key", self.key, "--console-sample-s", "0.2"),
        ]
        database = f"sslmode=verify-full&sslrootcert={self.ca}&sslcert={self.cert}&sslkey={self.key}"
        environment = {"TOLLHOUSE_ADMIN_KEY": ADMIN_KEY, "TOLLHOUSE_SEALING_KEY": SEALING_KEY}
        environment["TOLLHOUSE_LEDGER"] = f"{self.postgres.url}?{database}"
        self.control_plane = Process(folder, "controlplane", command, environment)
        control_plane = f"127.0.0.1:{self.admin_grpc}"
        self.node = Node(folder, "node", list(etcd), self.simulators, control_plane)
        self.node.command += ["--control-plane-ca", self.ca, "--client-cert", self.cert, "--client-key", self.key]
        self.node.command += ["--grpc-cert", cert, "--grpc-key", key, "--grpc-client-ca", self.ca]
        self.https = free_ports(1)[0]
        self.node.command[self.node.command.index("--https-listen") + 1] = f"127.0.0.1:{self.https}"
        counts = f"rediss://127.0.0.1:{redis_tls}/0?ca={self.ca}&cert={self.cert}&key={self.key}"
        self.node.environment |= {"TOLLHOUSE_BUDGET_STORE": counts, "TOLLHOUSE_CONTROL_PLANE_KEY": NODE_KEY}

    def start(self) -> Fleet:
        self.etcd.start()
        self.redis.start()
        self.postgres.start()
        self.control_plane.start()
        self.node.start()
        wait_for(lambda: self.admin_status("GET", "routes") == 200, 30, "the Admin API", self.control_plane.said)
        self.node.wait_ready()
        return self

    def close(self) -> None:
        self.node.stop(8)
        self.control_plane.stop(5)
        self.postgres.stop()
        self.redis.kill()
        self.etcd.kill()
        self.simulators.close()

    def admin_status(self, method: str, path: str, body: Any = None, *, certificate: bool = True) -> int:
        """0: there is no connection."""
        context = ssl.create_default_context(cafile=self.ca)
        if certificate:
            context.load_cert_chain(self.cert, self.key)
        data = None if body is None else json.dumps(body).encode()
        address = f"https://127.0.0.1:{self.admin}/apisix/admin/{path}"
        try:
            with urlopen(
                Request(address, data, {"x-api-key": ADMIN_KEY}, method=method), timeout=10, context=context
            ) as reply:
                return int(reply.status)
        except HTTPError as error:
            return error.code
        except (URLError, OSError):
            return 0

    def agent_status(self, path: str, *, certificate: bool = True) -> int:
        """Of an agent that connects by TLS under the name localhost."""
        context = ssl.create_default_context(cafile=self.ca)
        if certificate:
            context.load_cert_chain(self.cert, self.key)
        try:
            with urlopen(f"https://localhost:{self.https}{path}", timeout=10, context=context) as reply:
                return int(reply.status)
        except HTTPError as error:
            return error.code

    def ctl(self, *arguments: str, certificate: bool = True) -> subprocess.CompletedProcess[str]:
        tls = ["--tls-ca", self.ca, *(("--tls-cert", self.cert, "--tls-key", self.key) if certificate else ())]
        environment = {
            **os.environ,
            "TOLLHOUSE_ADMIN_KEY": ADMIN_KEY,
            "TOLLHOUSE_SERVER": f"127.0.0.1:{self.admin_grpc}",
        }
        command = [sys.executable, "-m", "tollhouse.cli.main", *tls, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    def node_status(self, *, certificate: bool) -> str:
        """The node's id by its gRPC port; the code where that fails."""
        pair = (Path(self.key).read_bytes(), Path(self.cert).read_bytes()) if certificate else (None, None)
        credentials = grpc.ssl_channel_credentials(Path(self.ca).read_bytes(), *pair)
        with grpc.secure_channel(f"127.0.0.1:{self.node.grpc}", credentials) as channel:
            stub = node_pb2_grpc.NodeServiceStub(channel)
            try:
                told = stub.Status(node_pb2.StatusRequest(), timeout=5, metadata=(("x-api-key", ADMIN_KEY),))
            except grpc.RpcError as error:
                return str(error.code().name)  # type: ignore[attr-defined]
            return str(told.node.id)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    one = Fleet(tmp_path_factory.mktemp("fleet"))
    try:
        yield one.start()
    finally:
        one.close()


def test_everything_speaks_tls_with_certificates_on_both_sides(fleet: Fleet) -> None:
    """Configuration arrives, traffic is counted in Redis and recorded in PostgreSQL; nobody without a certificate is
    let in; the node shows the control plane a key that is good for its records only."""
    route = {
        "uri": "/v1/*",
        "plugins": {
            "ai-proxy": {"provider": "openai", "auth": {"header": {"authorization": "Bearer $env://OPENAI_API_KEY"}}}
        },
    }
    assert fleet.admin_status("PUT", "budgets/all", {"unit": "usd", "amount": "100", "window": "day"}) == 201
    assert fleet.admin_status("PUT", "routes/r", route) == 201
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    url = f"{fleet.node.url}/v1/chat/completions"
    wait_for(lambda: call(url, body).status == 200, 15, "an answer of the model", fleet.node.said)
    wait_for(lambda: "gpt-4o-mini" in fleet.ctl("spend", "--by", "model").stdout, 20, "the record", fleet.node.said)
    assert "node" in fleet.ctl("nodes").stdout
    assert Redis(port=fleet.redis.port).dbsize() > 0
    assert fleet.node_status(certificate=True) == "node"
    assert fleet.node_status(certificate=False) == "UNAVAILABLE"
    assert fleet.admin_status("GET", "routes", certificate=False) == 0
    assert fleet.ctl("nodes", certificate=False).returncode == 3
    assert NODE_KEY not in fleet.control_plane.said(1000) + fleet.node.said(1000)


def test_agents_are_recognised_by_their_certificates(fleet: Fleet) -> None:
    """The server name's authorities say whose certificates are good, a consumer whose this one is."""
    cert, key = (Path(file).read_text() for file in fleet.server_pair)
    mutual = {"sni": "localhost", "cert": cert, "key": key, "client": {"ca": Path(fleet.ca).read_text()}}
    route = {"uri": "/*", "plugins": {"mtls-auth": {}, "request-id": {}}, "upstream": {"nodes": {"127.0.0.1:1": 1}}}
    for path, value in (("ssls/s", mutual), ("routes/agents", route)):
        assert fleet.admin_status("PUT", path, value) == 201
    wait_for(lambda: fleet.node.alive and answers(fleet) == 401, 15, "the certificate of nobody", fleet.node.said)
    assert fleet.agent_status("/x", certificate=False) == 400
    by_name = {"username": "agent", "plugins": {"mtls-auth": {"dns": "client"}}}
    assert fleet.admin_status("PUT", "consumers/agent", by_name) == 201
    wait_for(lambda: answers(fleet) >= 500, 10, "the agent to be recognised", fleet.node.said)  # nobody is upstream
    assert fleet.admin_status("DELETE", "consumers/agent") == 200
    wait_for(lambda: answers(fleet) == 401, 10, "the agent to be nobody", fleet.node.said)


def answers(fleet: Fleet) -> int:
    """The status; 0 while there is no certificate for the name yet."""
    try:
        return fleet.agent_status("/x")
    except OSError:
        return 0
