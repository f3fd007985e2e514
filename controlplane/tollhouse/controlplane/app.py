"""What is started and stopped, in which order."""

from __future__ import annotations

import logging
import ssl
import time

from tollhouse.controlplane.access import Access
from tollhouse.controlplane.api.server import RestServer
from tollhouse.controlplane.audit.admin_chain import AdminChain
from tollhouse.controlplane.audit.trail import AuditTrail
from tollhouse.controlplane.console.nodes import Nodes
from tollhouse.controlplane.grpc.server import GrpcServer
from tollhouse.controlplane.identities.directory import Directory
from tollhouse.controlplane.identities.oidc import Oidc
from tollhouse.controlplane.ledger.ledger import Ledger
from tollhouse.controlplane.ledger.valuing import RatesOf, configured_rates
from tollhouse.controlplane.service.links import Links
from tollhouse.controlplane.service.price_table import PublishedPrices
from tollhouse.controlplane.service.service import Service
from tollhouse.controlplane.settings import Settings, TlsFiles
from tollhouse.controlplane.store.store import Store
from tollhouse.proto.etcd import EtcdClient, EtcdSettings
from tollhouse.proto.sealing import Sealer

_log = logging.getLogger("tollhouse.controlplane")


class ControlPlane:
    """One control-plane process: etcd client, service layer, two listeners."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._etcd: EtcdClient | None = None
        self._store: Store | None = None
        self._rest: RestServer | None = None
        self._grpc: GrpcServer | None = None
        self._ledger: Ledger | None = None
        self._audit: AuditTrail | None = None
        self._admin_chain: AdminChain | None = None
        self._directory: Directory | None = None
        self._oidc: Oidc | None = None
        self._prices: PublishedPrices | None = None
        self.admin_port = 0
        self.grpc_port = 0

    async def start(self) -> None:
        """Listen on both ports. etcd may be down: until it is back, requests answer 503. Raises OSError."""
        settings = self._settings
        self._etcd = EtcdClient(
            EtcdSettings(
                endpoints=settings.etcd_endpoints,
                username=settings.etcd_user,
                password=settings.etcd_password,
                ca_file=settings.etcd_tls.ca,
                cert_file=settings.etcd_tls.cert,
                key_file=settings.etcd_tls.key,
            )
        )
        self._store = store = Store(self._etcd, settings.prefix, settings.fleet_prefix)
        service = Service(store, Sealer.from_text(settings.sealing_key), time.time)
        service.approvals.links = Links(settings.sealing_key, settings.public_url)
        access = Access(settings.keys)
        if settings.oidc is not None:
            access.tokens = self._oidc = Oidc(settings.oidc, access.secret(b"sign-in"))
        self._directory = Directory(store, access)
        await self._directory.start()
        self._prices = PublishedPrices(store, service, publishes=settings.publish_prices)
        await self._prices.start()
        if settings.ledger:
            self._ledger = Ledger(settings.ledger, settings.ledger_keep_days)
            self._ledger.prices = self._configured_rates
            await self._ledger.start()
        if settings.audit:
            self._audit = AuditTrail(settings.audit, settings.sealing_key)
            await self._audit.start()
            self._admin_chain = AdminChain(store, self._audit, settings.audit_seal_s)
            self._admin_chain.start()
        self._rest = RestServer(service, access, settings.cors_origin, self._ledger, self._audit)
        if settings.console:
            self._rest.offer_console(
                Nodes(
                    service.fleet,
                    settings.node_key,
                    settings.node_ca,
                    settings.node_tls.cert,
                    settings.node_tls.key,
                ),
                settings.console_sample_s,
                self._oidc,
                settings.public_url,
            )
        self._grpc = GrpcServer(service, access, self._ledger, self._audit)
        self.admin_port = await self._rest.start(*settings.admin_listen, tls_context(settings.admin_tls))
        self.grpc_port = await self._grpc.start(*settings.grpc_listen, settings.admin_tls)
        _log.info(
            "Admin API: REST on %s:%s, gRPC on %s:%s",
            settings.admin_listen[0],
            self.admin_port,
            settings.grpc_listen[0],
            self.grpc_port,
        )

    async def _configured_rates(self) -> RatesOf:
        """What tokens cost by the configuration. Raises Refusal."""
        assert self._store is not None
        items, _ = await self._store.list("providers")
        return configured_rates((item.id, item.value) for item in items)

    async def close(self) -> None:
        """Stop taking requests, finish those under way, let go of etcd."""
        if self._rest is not None:
            await self._rest.close()
        if self._grpc is not None:
            await self._grpc.close()
        if self._oidc is not None:
            await self._oidc.close()
        if self._directory is not None:
            await self._directory.close()
        if self._prices is not None:
            await self._prices.close()
        if self._admin_chain is not None:
            await self._admin_chain.close()
        if self._audit is not None:
            await self._audit.close()
        if self._ledger is not None:
            await self._ledger.close()
        if self._etcd is not None:
            await self._etcd.close()


def tls_context(files: TlsFiles) -> ssl.SSLContext | None:
    """The server side of REST's TLS, None without a certificate."""
    if not files.cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.cert, files.key)
    if files.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
