"""The gRPC listener: services, health, reflection, TLS."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from tollhouse.controlplane.access import Access
from tollhouse.controlplane.audit.refusals import Refusals
from tollhouse.controlplane.audit.trail import AuditTrail
from tollhouse.controlplane.grpc.approvals import ApprovalService
from tollhouse.controlplane.grpc.audit import AuditService
from tollhouse.controlplane.grpc.config import ConfigService, FleetService
from tollhouse.controlplane.grpc.gate import Gate
from tollhouse.controlplane.grpc.history import HistoryService
from tollhouse.controlplane.grpc.spend import SpendService
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.service.service import Service
from tollhouse.controlplane.settings import TlsFiles
from tollhouse.proto.admin.v1 import (
    approvals_pb2,
    approvals_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    config_pb2,
    config_pb2_grpc,
    history_pb2,
    history_pb2_grpc,
    spend_pb2,
    spend_pb2_grpc,
)

MAX_MESSAGE = 64 * 1024 * 1024
"""Room for a List of everything; what a single write may be is bounded by etcd."""


class GrpcServer:
    """The listener on 9181. Lives as long as the process."""

    def __init__(
        self, service: Service, access: Access, ledger: Ledger | None = None, audit: AuditTrail | None = None
    ) -> None:
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.so_reuseport", 0),  # a taken port is an error, not a second listener
        ]
        self._refusals = Refusals(audit)
        self._server = grpc.aio.server(interceptors=(Gate(access, self._refusals),), options=options)
        self._health = HealthServicer()
        config_pb2_grpc.add_ConfigServiceServicer_to_server(ConfigService(service), self._server)
        config_pb2_grpc.add_FleetServiceServicer_to_server(FleetService(service), self._server)
        history_pb2_grpc.add_HistoryServiceServicer_to_server(HistoryService(service), self._server)
        approvals_pb2_grpc.add_ApprovalServiceServicer_to_server(ApprovalService(service), self._server)
        audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditService(audit), self._server)
        spend_pb2_grpc.add_SpendServiceServicer_to_server(SpendService(ledger), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        files = (config_pb2.DESCRIPTOR, history_pb2.DESCRIPTOR, audit_pb2.DESCRIPTOR, approvals_pb2.DESCRIPTOR)
        services = [service for file in files for service in file.services_by_name.values()]
        services.append(spend_pb2.DESCRIPTOR.services_by_name["SpendService"])
        self._names = ("", *(service.full_name for service in services))
        names = (*self._names[1:], health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    async def start(self, host: str, port: int, tls: TlsFiles | None = None) -> int:
        """Listen; returns the port. Raises OSError when it cannot."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if tls is not None and tls.cert:
                bound = self._server.add_secure_port(address, _credentials(tls))
            else:
                bound = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from error
        if not bound:
            raise OSError(f"cannot listen on {address}")
        await self._server.start()
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return int(bound)

    async def close(self) -> None:
        """Say so, finish what is under way, stop."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace=3.0)
        await self._refusals.close()


def _credentials(tls: TlsFiles) -> grpc.ServerCredentials:
    pair = (Path(tls.key).read_bytes(), Path(tls.cert).read_bytes())
    ca = Path(tls.ca).read_bytes() if tls.ca else None
    return grpc.ssl_server_credentials([pair], root_certificates=ca, require_client_auth=ca is not None)
