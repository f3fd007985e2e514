"""A control plane started inside the test, and a REST client that says little."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc.aio
import orjson
from tollhouse.controlplane.access import AdminKey
from tollhouse.controlplane.app import ControlPlane
from tollhouse.controlplane.settings import Settings
from tollhouse.proto.admin.v1 import config_pb2_grpc
from tollhouse.proto.etcd import EtcdClient, EtcdSettings

ADMIN = "admin-key-of-the-tests-0123456789"
VIEWER = "viewer-key-of-the-tests-0123456789"
SEALING = "sealing-key-of-the-tests-0123456789-0123456789"


@dataclass
class Answer:
    """What REST answered."""

    status: int
    body: Any
    headers: Mapping[str, str]
    text: str


class Plane:
    """One control plane with REST, gRPC, and a client to its etcd."""

    def __init__(self, endpoint: str, prefix: str = "") -> None:
        unique = uuid.uuid4().hex[:12]
        self.prefix = prefix or f"/test-{unique}"
        self.fleet_prefix = f"{self.prefix}-fleet"
        self.settings = Settings(
            etcd_endpoints=(endpoint,),
            prefix=self.prefix,
            fleet_prefix=self.fleet_prefix,
            admin_listen=("127.0.0.1", 0),
            grpc_listen=("127.0.0.1", 0),
            keys=(AdminKey.of(ADMIN, "admin"), AdminKey.of(VIEWER, "viewer")),
            sealing_key=SEALING,
            publish_prices=False,
        )
        self.control = ControlPlane(self.settings)
        self.etcd = EtcdClient(EtcdSettings(endpoints=(endpoint,)))

    async def start(self) -> None:
        await self.control.start()
        self.url = f"http://127.0.0.1:{self.control.admin_port}"
        self._session = aiohttp.ClientSession()
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.control.grpc_port}")
        self.config = config_pb2_grpc.ConfigServiceStub(self._channel)
        self.fleet = config_pb2_grpc.FleetServiceStub(self._channel)

    @property
    def channel(self) -> grpc.aio.Channel:
        return self._channel

    async def close(self) -> None:
        await self._channel.close()
        await self._session.close()
        await self.control.close()
        await self.etcd.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = ADMIN,
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """``call("PUT", "routes/1", {...})``; keyword arguments become headers (``if_match`` -> ``If-Match``)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["X-API-KEY"] = key
        data = raw if raw is not None else None if body is None else orjson.dumps(body)
        url = f"{self.url}{path}" if path.startswith("/") else f"{self.url}/apisix/admin/{path}"
        async with self._session.request(method, url, data=data, headers=sent) as response:
            text = await response.text()
            try:
                parsed = orjson.loads(text) if text else None
            except orjson.JSONDecodeError:
                parsed = text
            return Answer(response.status, parsed, response.headers, text)


METADATA = (("x-api-key", ADMIN),)
VIEWER_METADATA = (("x-api-key", VIEWER),)
UPSTREAM = {"type": "roundrobin", "nodes": {"127.0.0.1:8080": 1}}
ROUTE = {"uri": "/hello", "upstream": UPSTREAM}
