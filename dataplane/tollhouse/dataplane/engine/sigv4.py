"""AWS Signature Version 4: the headers that prove a request comes from who holds the key. Pure: time is an argument."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsKey:
    """An access key, for requests to one service in one region."""

    id: str
    secret: str
    region: str
    service: str
    session_token: str = ""


def sign(
    key: AwsKey, method: str, target: str, headers: Mapping[str, str], body: bytes, now: float
) -> list[tuple[str, str]]:
    """The headers to add. ``target`` is path and query as sent; ``headers`` must hold ``host`` and whatever else is to
    be signed, names in lower case."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": stamp}
    if key.session_token:
        added["x-amz-security-token"] = key.session_token
    signed = {name: " ".join(value.split()) for name, value in {**headers, **added}.items()}
    names = ";".join(sorted(signed))
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    request = canonical_request(method, target, signed, hashlib.sha256(body).hexdigest())
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signature = hmac.new(_signing_key(key, stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    credential = f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [*added.items(), ("authorization", credential)]


def canonical_request(method: str, target: str, headers: Mapping[str, str], body_hash: str) -> str:
    """The text that is hashed and signed. Outside S3 the path is encoded once more than it is sent."""
    path, _, query = target.partition("?")
    pairs = sorted(
        (_encode(name), _encode(value)) for name, _, value in (part.partition("=") for part in query.split("&") if part)
    )
    lines = [
        method,
        "/".join(quote(part, safe="-_.~") for part in path.split("/")) or "/",
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{headers[name]}" for name in sorted(headers)),
        "",
        ";".join(sorted(headers)),
        body_hash,
    ]
    return "\n".join(lines)


def _encode(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _signing_key(key: AwsKey, day: str) -> bytes:
    made = f"AWS4{key.secret}".encode()
    for part in (day, key.region, key.service, "aws4_request"):
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    return made
