"""A small identity provider on loopback: discovery, key set, authorization codes with PKCE, tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


class IdentityProvider:
    """Signs with RS256 and ES256; keys can be changed, and it can be made to fail."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Any]] = {}
        self.fetches = 0
        self.down = False
        self.codes: dict[str, dict[str, str]] = {}
        self.person: dict[str, Any] = {"sub": "42", "email": "ann@example.com", "roles": ["gateway-admins"]}
        self.client_secret = ""
        self.asks = False
        """Show people a form first, as real providers do, instead of sending them back at once."""
        self.issuer = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self.add_key("rsa-1", "RS256")
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/authorize", self._answered)
        app.router.add_post("/token", self._token)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        # Another host than the console's, so that a browser takes it for another site.
        self.issuer = f"http://{'localhost' if self.asks else '127.0.0.1'}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def add_key(self, key_id: str, algorithm: str) -> None:
        made: Any = ec.generate_private_key(ec.SECP256R1())
        if algorithm == "RS256":
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys[key_id] = (algorithm, made)

    def token(self, claims: dict[str, Any], key_id: str = "rsa-1", **head: Any) -> str:
        algorithm, key = self.keys[key_id]
        told = {"iss": self.issuer, "exp": int(time.time()) + 300, **claims}
        return jwt.encode(told, key, algorithm, headers={"kid": key_id, **head})

    def key_set(self) -> dict[str, Any]:
        listed = []
        for key_id, (algorithm, key) in self.keys.items():
            kind = RSAAlgorithm if algorithm == "RS256" else ECAlgorithm
            listed.append({**json.loads(kind.to_jwk(key.public_key())), "kid": key_id, "use": "sig"})
        return {"keys": listed}

    async def _discovery(self, request: web.Request) -> web.Response:
        if self.down:
            raise web.HTTPServiceUnavailable
        return web.json_response(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
            }
        )

    async def _keys(self, request: web.Request) -> web.Response:
        if self.down:
            raise web.HTTPServiceUnavailable
        self.fetches += 1
        return web.json_response(self.key_set())

    async def _authorize(self, request: web.Request) -> web.Response:
        if self.asks:
            text = f"<!doctype html><title>Provider</title><h1>{self.person['email']}, sign in to the console?</h1>"
            text += '<form method="post"><button name="go" value="1">Sign in</button><button>Cancel</button></form>'
            return web.Response(text=text, content_type="text/html")
        return self._sent_back(request)

    async def _answered(self, request: web.Request) -> web.Response:
        if (await request.post()).get("go"):
            return self._sent_back(request)
        raise web.HTTPFound(f"{request.query['redirect_uri']}?error=access_denied&state={request.query['state']}")

    def _sent_back(self, request: web.Request) -> web.Response:
        """The person has signed in, and is sent back with a code."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = dict(request.query)
        back = f"{request.query['redirect_uri']}?code={code}&state={request.query['state']}"
        raise web.HTTPFound(back)

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        if asked is None or challenge.decode().rstrip("=") != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if str(form.get("client_secret", "")) != self.client_secret or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_client"}, status=401)
        claims = {**self.person, "aud": form["client_id"], "nonce": asked["nonce"]}
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": self.token(claims)})
