"""Who somebody says to be: tokens, signatures, keys that are over, admins who want more than they may."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from email.utils import formatdate

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.attack.target import CHAT, Target, attack
from tests.support.system import call, wait_for

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello there"}]}
SECRET = "a-secret-of-tokens-that-is-long-enough-for-every-algorithm-there-is-0123456789"
DISPATCH = {"ai-proxy-multi": {"instances": [{"name": "one", "provider": "openai", "weight": 1}]}}


@attack("keys that were revoked, rotated away or ran out are of no use, a second later at most", inside=True)
def _(target: Target) -> tuple[bool, str]:
    system = target.system
    assert system is not None
    system.put("consumers/leaver", {"username": "leaver"})

    def works(key: str) -> bool:
        return call(f"{target.url}{CHAT}", BODY, {"apikey": key}).status == 200

    def gone(key: str) -> float:
        begun = time.monotonic()
        wait_for(lambda: not works(key), 5, "the key to be refused")
        return time.monotonic() - begun

    seconds = []
    key = system.ctl("keys", "issue", "leaver").stdout.strip()
    wait_for(lambda: works(key), 5, "the key")
    listed = system.ctl("keys", "list", "leaver").stdout.split()
    name = next(word for word in listed if word.startswith("key-") and word != "key-auth")
    new = system.ctl("keys", "rotate", "leaver", name, "--overlap", "1s").stdout.strip()
    time.sleep(1.0)
    seconds.append(gone(key))
    wait_for(lambda: works(new), 5, "the new key")
    system.ctl("keys", "revoke", "leaver", "--all")
    seconds.append(gone(new))
    short = system.ctl("keys", "issue", "leaver", "--ttl", "2s").stdout.strip()
    wait_for(lambda: works(short), 2, "the short-lived key")
    time.sleep(2.0)
    seconds.append(gone(short))
    return max(seconds) < 1.0, ", ".join(f"{one:.2f} s" for one in seconds)


@attack("an agent's key where operators are: Admin API, console, gRPC, the node's own gRPC", inside=True)
def _(target: Target) -> tuple[bool, str]:
    system = target.system
    assert system is not None
    root = system.admin_url.removesuffix("/apisix/admin")
    codes = [
        call(f"{system.admin_url}/routes", None, {"x-api-key": target.key}).status,
        call(f"{root}/ui/api/session", {"key": target.key}, {"content-type": "application/json"}).status,
        call(f"{root}/ui/api/overview", None, {"cookie": f"session={target.key}"}).status,
    ]
    told = [
        system.ctl("--admin-key", target.key, *words, check=False).returncode
        for words in (("get", "routes"), ("targets",), ("explain", "--model", "gpt-4o-mini"), ("audit", "export"))
    ]
    return all(code in (401, 403, 429) for code in codes) and 0 not in told, f"{codes} {told}"


@attack("tokens: unsigned, of another algorithm, expired, of somebody else, with a public key as secret", inside=True)
def _(target: Target) -> tuple[bool, str]:
    system = target.system
    assert system is not None
    made = rsa.generate_private_key(65537, 2048)
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    plugins = {"jwt-auth": {"key": "by-secret", "secret": SECRET}}
    system.put("consumers/by-secret", {"username": "by-secret", "plugins": plugins})
    plugins = {"jwt-auth": {"key": "by-key", "public_key": public.decode(), "algorithm": "RS256"}}
    system.put("consumers/by-key", {"username": "by-key", "plugins": plugins})
    system.put("routes/tokens", {"uri": f"/tokens{CHAT}", "plugins": {"jwt-auth": {}, **DISPATCH}})
    soon = int(time.time()) + 600

    def part(value: object) -> str:
        return (
            base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
            .decode()
            .rstrip("=")
        )

    def confused(algorithm: str, secret: bytes, key: str = "by-key") -> str:
        signed = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part({'key': key, 'exp': soon})}"
        return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"

    good = jwt.encode({"key": "by-secret", "exp": soon}, SECRET, "HS256")
    head, claims, signature = good.split(".")
    tries = [
        confused("none", b"").rpartition(".")[0] + ".",
        confused("None", b"").rpartition(".")[0] + ".",
        confused("HS256", public),
        confused("HS256", b"", "by-secret"),
        jwt.encode({"key": "by-secret", "exp": soon - 1200}, SECRET, "HS256"),
        jwt.encode({"key": "by-secret", "nbf": soon}, SECRET, "HS256"),
        jwt.encode({"key": "by-secret", "exp": soon}, SECRET, "HS512"),
        jwt.encode({"key": "by-key", "exp": soon}, SECRET, "HS256"),
        f"{head}.{part({'key': 'by-key', 'exp': soon})}.{signature}",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{good}.{signature}",
    ]
    url = f"{target.url}/tokens{CHAT}"
    first = call(url, BODY, {"authorization": f"Bearer {good}"}).status
    codes = [call(url, BODY, {"authorization": f"Bearer {token}"}).status for token in tries[:9]]
    codes += [call(url, BODY, {"cookie": f"jwt={token}"}).status for token in tries[9:]]
    return first == 200 and all(code in (401, 429) for code in codes), f"{first}, then {codes}"


@attack("signed requests: replayed late, for another path, with another body, without what must be signed", inside=True)
def _(target: Target) -> tuple[bool, str]:
    system = target.system
    assert system is not None
    plugins = {"hmac-auth": {"key_id": "signer", "secret_key": SECRET}}
    system.put("consumers/signer", {"username": "signer", "plugins": plugins})
    uris = [f"/signed{CHAT}", "/signed/other"]
    route = {"uris": uris, "plugins": {"hmac-auth": {"clock_skew": 60, "validate_request_body": True}, **DISPATCH}}
    system.put("routes/signed", route)
    raw = json.dumps(BODY).encode()

    def signed(path: str, body: bytes, at_s: float, names: str = "@request-target date digest") -> dict[str, str]:
        date = formatdate(at_s, usegmt=True)
        digest = f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"
        told = {"@request-target": f"POST {path}", "date": f"date: {date}", "digest": f"digest: {digest}"}
        text = "\n".join(["signer", *[told[name] for name in names.split()]]) + "\n"
        value = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha256")).decode()
        parts = f'keyId="signer",algorithm="hmac-sha256",headers="{names}",signature="{value}"'
        kind = {"content-type": "application/json", "date": date, "digest": digest}
        return {**kind, "authorization": f"Signature {parts}"}

    now, path = time.time(), uris[0]
    first = call(f"{target.url}{path}", raw, signed(path, raw, now)).status
    other = raw.replace(b"hello", b"bye!!")
    codes = [
        call(f"{target.url}{path}", raw, signed(path, raw, now - 300)).status,
        call(f"{target.url}{uris[1]}", raw, signed(path, raw, now)).status,
        call(f"{target.url}{path}?x=1", raw, signed(path, raw, now)).status,
        call(f"{target.url}{path}", other, signed(path, raw, now)).status,
        call(f"{target.url}{path}", raw, signed(path, raw, now, "@request-target digest")).status,
        call(f"{target.url}{path}", other, signed(path, raw, now, "@request-target date")).status,
    ]
    return first == 200 and all(code in (401, 429) for code in codes), f"{first}, then {codes}"
