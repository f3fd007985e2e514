"""All kinds of stores behind one question: what does this reference stand for?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
from tollhouse.dataplane.engine.sigv4 import AwsKey
from tollhouse.dataplane.runtime.secret_stores import aws, file, vault
from tollhouse.dataplane.runtime.secret_stores.ask import Asking, StoreError, fields_of
from tollhouse.dataplane.runtime.secret_stores.gcp import Gcp
from tollhouse.dataplane.services import Secrets
from tollhouse.proto.resources.secret import AwsSecret, FileSecret, GcpSecret, VaultSecret


def split_reference(text: str) -> tuple[str, str, str]:
    """Manager, id and path of ``$secret://<manager>/<id>/<path>``. Raises StoreError."""
    parts = text[len("$secret://") :].split("/", 2)
    if len(parts) < 3 or not all(parts):
        raise StoreError("expected $secret://<manager>/<id>/<name>[/<field>]")
    return parts[0].lower(), parts[1], parts[2]


class Stores:
    """Asks the stores, each secret once per round however many of its fields are named."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._asking = Asking()
        self._gcp = Gcp(self._asking)
        self._round: dict[tuple[str, str], asyncio.Future[Any]] = {}

    def begin(self) -> None:
        """A new round: everything is asked again."""
        self._round = {}

    def forget(self) -> None:
        """Stores were changed: tokens got with the old credentials go."""
        self._gcp = Gcp(self._asking)

    async def close(self) -> None:
        """Let go of connections."""
        await self._asking.close()

    async def value(self, manager: str, store_id: str, store: Any, path: str) -> str:
        """What the path stands for in a store. Raises StoreError, or GatewayError when the store's own credentials are
        references that lead nowhere."""
        if isinstance(store, VaultSecret):
            # As in APISIX: the last step is the field, all before it the path.
            name, _, field = path.rpartition("/")
            if not name:
                raise StoreError("expected $secret://vault/<id>/<path>/<field>")
            fields = await self._once(store_id, name, vault.read(self._asking, store, self._open(store.token), name))
            return _field(fields, field)
        # As in APISIX: the first step is the secret, the rest a field of its JSON.
        name, _, field = path.partition("/")
        if isinstance(store, AwsSecret):
            text = await self._once(store_id, name, aws.read(self._asking, store, self._aws_key(store), name))
        elif isinstance(store, GcpSecret):
            key = self._open(store.auth_config.private_key) if store.auth_config is not None else ""
            text = await self._once(store_id, name, self._gcp.read(store, key, name))
        elif isinstance(store, FileSecret):
            text = await self._once(store_id, name, asyncio.to_thread(file.read, store, name))
        else:
            raise StoreError(f"there is no secret manager {manager!r}")
        if not field:
            return str(text)
        try:
            return _field(fields_of(msgspec.json.decode(text)), field)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise StoreError(f"the secret is no JSON, so it has no field {field!r}") from None

    async def _once(self, store_id: str, name: str, asking: Awaitable[Any]) -> Any:
        found = self._round.get((store_id, name))
        if found is None:
            found = self._round[store_id, name] = asyncio.ensure_future(asking)
        elif asyncio.iscoroutine(asking):
            asking.close()
        return await asyncio.shield(found)

    def _open(self, text: str) -> str:
        if text.lower().startswith("$secret://"):
            raise StoreError(
                "the store's own credentials cannot lie in a secret store; use $env:// or write them inline"
            )
        return self._secrets.reveal(text)

    def _aws_key(self, store: AwsSecret) -> AwsKey:
        token = self._open(store.session_token) if store.session_token else ""
        access_key_id, secret = self._open(store.access_key_id), self._open(store.secret_access_key)
        return AwsKey(access_key_id, secret, store.region, "secretsmanager", token)


def _field(fields: dict[str, str], name: str) -> str:
    if name not in fields:
        raise StoreError(f"the secret has no field {name!r}")
    return fields[name]
