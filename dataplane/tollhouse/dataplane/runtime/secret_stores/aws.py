"""AWS Secrets Manager."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import msgspec
from tollhouse.dataplane.engine.sigv4 import AwsKey, sign
from tollhouse.dataplane.runtime.secret_stores.ask import Asking, StoreError
from tollhouse.proto.resources.secret import AwsSecret


async def read(asking: Asking, store: AwsSecret, key: AwsKey, name: str) -> str:
    """The text of a secret's current version. Raises StoreError."""
    base = (store.endpoint_url or f"https://secretsmanager.{store.region}.amazonaws.com").rstrip("/")
    body = msgspec.json.encode({"SecretId": name, "VersionStage": "AWSCURRENT"})
    signed = {
        "host": urlsplit(base).netloc,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    headers = {**signed, **dict(sign(key, "POST", "/", signed, body, time.time()))}
    told = await asking.json("POST", f"{base}/", headers, body)
    text = told.get("SecretString") if isinstance(told, dict) else None
    if not isinstance(text, str):
        raise StoreError("the secret holds no text (SecretString)")
    return text
