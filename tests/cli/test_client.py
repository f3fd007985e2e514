"""The token, and errors as people understand them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from tollhouse.cli.client import Connection
from tollhouse.cli.failure import UNREACHABLE, Failure


def test_token_comes_from_the_option_or_the_state_folder(tmp_path: Path) -> None:
    """The option wins over the key that ``up`` keeps."""
    assert Connection(state_dir=tmp_path).token() == ""
    (tmp_path / "admin.key").write_text("kept\n")
    assert Connection(state_dir=tmp_path).token() == "kept"
    assert Connection(admin_key="given", state_dir=tmp_path).token() == "given"


def test_unreachable_node_is_a_failure_with_its_address() -> None:
    """The message names the address, the code is 3."""
    from tollhouse.proto.admin.v1 import node_pb2

    with pytest.raises(Failure) as caught, Connection(timeout_s=5).node("127.0.0.1:1") as node:
        node.Status(node_pb2.StatusRequest())
    assert caught.value.code == UNREACHABLE
    assert "127.0.0.1:1" in caught.value.message


def test_a_token_of_an_identity_provider_is_shown_to_the_control_plane_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no key; nodes are never shown one."""
    monkeypatch.setenv("TOLLHOUSE_BEARER_TOKEN", "ey.J.x")
    without, having = Connection(state_dir=tmp_path), Connection(admin_key="k" * 20, state_dir=tmp_path)
    assert without.metadata("control plane") == (("authorization", "Bearer ey.J.x"),)
    assert without.metadata("node") == ()
    assert having.metadata("control plane") == (("x-api-key", "k" * 20),)


def test_a_control_plane_without_etcd_is_not_taken_for_one_that_is_down() -> None:
    """It answered: what it says of what stands behind it is shown, though gRPC's words for a lost server are in it."""
    from tollhouse.proto.admin.v1 import config_pb2, config_pb2_grpc

    said = "etcd at 127.0.0.1:2379: failed to connect to all addresses; last error: refused"

    class Fleet(config_pb2_grpc.FleetServiceServicer):
        def ListNodes(self, request: Any, context: Any) -> Any:  # noqa: N802, gRPC names it
            context.abort(grpc.StatusCode.UNAVAILABLE, said)

    server = grpc.server(ThreadPoolExecutor(1))
    config_pb2_grpc.add_FleetServiceServicer_to_server(Fleet(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        connection = Connection(server=f"127.0.0.1:{port}", timeout_s=5)
        with pytest.raises(Failure) as caught, connection.fleet() as fleet:
            fleet.ListNodes(config_pb2.ListNodesRequest())
    finally:
        server.stop(0)
    assert said in caught.value.message
    assert caught.value.hint == "see gatewayctl doctor"
