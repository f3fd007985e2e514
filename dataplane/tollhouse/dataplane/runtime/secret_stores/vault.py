"""HashiCorp Vault, key-value engine of version 1 or 2."""

from __future__ import annotations

from urllib.parse import quote

from tollhouse.dataplane.runtime.secret_stores.ask import Asking, StoreError, fields_of
from tollhouse.proto.resources.secret import VaultSecret


async def read(asking: Asking, store: VaultSecret, token: str, path: str) -> dict[str, str]:
    """The fields under ``<prefix>/<path>``. Raises StoreError."""
    whole = "/".join(filter(None, (store.prefix.strip("/"), path)))
    if store.kv_version == 2:
        mount, _, rest = whole.partition("/")
        whole = f"{mount}/data/{rest}"
    headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
    if store.namespace:
        headers["X-Vault-Namespace"] = store.namespace
    url = f"{store.uri.rstrip('/')}/v1/{quote(whole)}"
    told = await asking.json("GET", url, headers, ca_file=store.ca_file or "")
    data = told.get("data") if isinstance(told, dict) else None
    if store.kv_version == 2 and isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, dict):
        raise StoreError("Vault's answer holds no data; look at prefix and kv_version")
    return fields_of(data)
