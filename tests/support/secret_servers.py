"""Vault, AWS Secrets Manager and Google Secret Manager on loopback: their wire formats, and whom they refuse."""

from __future__ import annotations

import base64
import json
import ssl
import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tollhouse.dataplane.engine.sigv4 import AwsKey, sign


class SecretServers:
    """One server that is all three. ``down`` makes it fail."""

    def __init__(self) -> None:
        self.vault_token = "hvs.token-of-the-tests"
        self.aws = AwsKey("AKIDTESTS", "aws-secret-of-the-tests", "eu-central-1", "secretsmanager")
        self._google = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.secrets: dict[str, dict[str, str]] = {"openai": {"key": "sk-one", "other": "sk-two"}}
        self.asked: list[str] = []
        self.down = False
        self.url = ""
        self._runner: web.AppRunner | None = None

    @property
    def google_key(self) -> str:
        return self._google.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    async def start(self, tls: ssl.SSLContext | None = None) -> SecretServers:
        app = web.Application(middlewares=[self._up])
        app.router.add_get("/v1/{path:.*}", self._vault)
        app.router.add_post("/", self._aws)
        app.router.add_post("/token", self._google_token)
        app.router.add_get("/google/projects/{project}/secrets/{name}/versions/latest:access", self._google_secret)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = self._runner.addresses[0][1]
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        return self

    async def close(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @web.middleware
    async def _up(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.down:
            raise web.HTTPServiceUnavailable
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _vault(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Vault-Token") != self.vault_token:
            return web.json_response({"errors": ["permission denied"]}, status=403)
        path = request.match_info["path"].split("/")
        data = self.secrets.get(path[-1])
        if data is None:
            return web.json_response({"errors": []}, status=404)
        if path[0] == "kv2":
            if path[1] != "data":
                return web.json_response({"errors": [], "warnings": ["Invalid path for a versioned K/V"]}, status=404)
            return web.json_response({"request_id": "1", "data": {"data": data, "metadata": {"version": 3}}})
        return web.json_response({"request_id": "1", "lease_duration": 2764800, "data": data})

    async def _aws(self, request: web.Request) -> web.Response:
        body = await request.read()
        signed = {name: request.headers[name] for name in ("host", "content-type", "x-amz-target")}
        at = time.mktime(time.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")) - time.timezone
        good = dict(sign(self.aws, "POST", "/", signed, body, at))
        if request.headers["authorization"] != good["authorization"] or abs(at - time.time()) > 300:
            return web.json_response({"__type": "InvalidSignatureException"}, status=400)
        assert request.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
        data = self.secrets.get(json.loads(body)["SecretId"])
        if data is None:
            return web.json_response({"__type": "ResourceNotFoundException"}, status=400)
        return web.json_response({"Name": "x", "SecretString": json.dumps(data), "VersionStages": ["AWSCURRENT"]})

    async def _google_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        audience = f"{self.url}/token"
        claims = jwt.decode(str(form["assertion"]), self._google.public_key(), ["RS256"], audience=audience)
        assert claims["iss"] == "reader@tests.iam.example"
        return web.json_response({"access_token": "ya29.tests", "expires_in": 3599, "token_type": "Bearer"})

    async def _google_secret(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer ya29.tests":
            return web.json_response({"error": {"code": 401}}, status=401)
        data = self.secrets.get(request.match_info["name"])
        if data is None:
            return web.json_response({"error": {"code": 404}}, status=404)
        payload = base64.b64encode(json.dumps(data).encode()).decode()
        return web.json_response({"name": "x", "payload": {"data": payload, "dataCrc32c": "1"}})
