"""Secrets of connections, stores and identities, planted in a running system, are found nowhere it writes or shows."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import jwt
from tollhouse.proto.resources import KINDS

from tests.e2e.test_secrets_stay import files
from tests.support.secret_servers import SecretServers
from tests.support.system import ADMIN_KEY, SEALING_KEY, System, call, wait_for

DATABASE_PASSWORD = "canary-of-the-database-1aB4"
REDIS_PASSWORD = "canary-of-redis-2cD5"
ETCD_PASSWORD = "canary-of-etcd-3eF6"
OIDC_SECRET = "canary-of-the-console-client-4gH7"
VAULT_TOKEN = "hvs.canary-of-vault-5iJ8"
PROVIDER_KEY = "sk-canary-kept-in-vault-6kL9"
WEBHOOK_SECRET = "canary-of-the-webhook-7mN0"
WEBHOOK_PATH = "canary-in-the-address-8oP1"
JWT_SECRET = "canary-of-tokens-9qR2-long-enough-for-hs256"
HMAC_SECRET = "canary-of-signatures-0sT3"
ADMIN_CANARY = "canary-key-of-an-admin-1uV4"
WRONG_ADMIN = "canary-wrong-admin-key-2wX5"
PLANTED = (
    *(DATABASE_PASSWORD, REDIS_PASSWORD, ETCD_PASSWORD, OIDC_SECRET, VAULT_TOKEN, PROVIDER_KEY, WEBHOOK_SECRET),
    *(WEBHOOK_PATH, JWT_SECRET, HMAC_SECRET, ADMIN_CANARY, WRONG_ADMIN, ADMIN_KEY, SEALING_KEY),
)


def objects(vault: str) -> dict[str, Any]:
    chat = {
        "jwt-auth": {},
        "limit-count": {
            "count": 100,
            "time_window": 60,
            "policy": "redis",
            "redis_host": "127.0.0.1",
            "redis_port": 1,
            "redis_password": REDIS_PASSWORD,
            "allow_degradation": True,
        },
        "ai-proxy": {
            "provider": "openai",
            "auth": {"header": {"authorization": "Bearer $secret://vault/main/openai/key"}},
        },
    }
    broken = {"ai-proxy": {"provider": "openai", "auth": {"header": {"x-key": "$secret://vault/main/openai/missing"}}}}
    return {
        "secrets/vault/main": {"uri": vault, "prefix": "kv", "token": VAULT_TOKEN},
        "consumers/agent": {"username": "agent", "plugins": {"jwt-auth": {"key": "agent-key", "secret": JWT_SECRET}}},
        "consumers/agent/credentials/h": {"plugins": {"hmac-auth": {"key_id": "agent", "secret_key": HMAC_SECRET}}},
        "notifiers/hook": {
            "type": "webhook",
            "url": f"http://127.0.0.1:1/{WEBHOOK_PATH}",
            "secret": WEBHOOK_SECRET,
        },
        "budgets/small": {
            "unit": "requests",
            "amount": "1",
            "window": "day",
            "on_exceed": "alert",
            "on_store_failure": "allow",
        },
        "admins/robot": {"role": "operator", "keys": [{"id": "k", "key": ADMIN_CANARY}]},
        "routes/chat": {"uri": "/v1/*", "plugins": chat},
        "routes/broken": {"uri": "/broken/*", "plugins": broken},
    }


def traffic(system: System) -> None:
    """A good request, one whose token is wrong, one whose secret cannot be had; wrong admin keys on both faces."""
    claims = {"key": "agent-key", "exp": int(time.time()) + 600}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}

    def status(path: str, token: str) -> int:
        return call(f"{system.node.url}{path}", body, {"authorization": f"Bearer {token}"}).status

    good = jwt.encode(claims, JWT_SECRET, "HS256")
    wait_for(lambda: status("/v1/chat/completions", good) == 200, 10, "a good answer", system.node.said)
    assert status("/v1/chat/completions", jwt.encode(claims, f"{JWT_SECRET}!", "HS256")) == 401
    assert status("/broken/v1/chat/completions", good) >= 500
    call(f"{system.admin_url}/routes", headers={"x-api-key": WRONG_ADMIN})
    call(f"{system.admin_url}/routes?api_key={WRONG_ADMIN}")
    assert "wrong apikey" in system.ctl("--admin-key", WRONG_ADMIN, "get", "routes", check=False).stderr


def shown(system: System) -> dict[str, str]:
    """All that can be listed, read, dumped, exported or asked for."""
    seen = {kind: json.dumps(system.admin_call("GET", kind)[1]) for kind in KINDS if not KINDS[kind].parent}
    seen["credentials"] = json.dumps(system.admin_call("GET", "consumers/agent/credentials")[1])
    for write in system.admin_call("GET", "history")[1]["list"]:
        seen[f"history {write['revision']}"] = json.dumps(system.admin_call("GET", f"history/{write['revision']}")[1])
    seen["spend"] = json.dumps(system.admin_call("GET", "spend")[1])
    seen["metrics"] = call(f"http://127.0.0.1:{system.node.control}/metrics").text
    for arguments in (("dump",), ("show", "chat"), ("audit", "export"), ("admins", "list")):
        done = system.ctl(*arguments, check=False)
        seen[" ".join(arguments)] = done.stdout + done.stderr
    seen["bad"] = json.dumps(system.admin_call("PUT", "secrets/vault/x", {"uri": 7, "token": VAULT_TOKEN})[1])
    seen["bad too"] = json.dumps(
        system.admin_call("PUT", "admins/x", {"role": "x", "keys": [{"key": ADMIN_CANARY}]})[1]
    )
    return seen


def test_secrets_of_the_parts_are_found_nowhere(own_system: System) -> None:
    """Passwords of etcd, Redis and the database, a store's token and what it gave, webhooks, tokens, admins' keys."""
    system, servers = own_system, SecretServers()
    servers.vault_token, servers.secrets = VAULT_TOKEN, {"openai": {"key": PROVIDER_KEY}}
    loop = system.simulators._loop
    asyncio.run_coroutine_threadsafe(servers.start(), loop).result(10)
    system.control_plane.environment |= {
        "TOLLHOUSE_LEDGER": f"postgresql://u:{DATABASE_PASSWORD}@127.0.0.1:1/ledger",
        "TOLLHOUSE_AUDIT": str(system.folder / "audit.sqlite"),
        "TOLLHOUSE_OIDC_ISSUER": "http://127.0.0.1:1",
        "TOLLHOUSE_OIDC_ROLES": "a=admin",
        "TOLLHOUSE_OIDC_CLIENT_ID": "console",
        "TOLLHOUSE_OIDC_CLIENT_SECRET": OIDC_SECRET,
    }
    command = system.control_plane.command
    at = command.index("--ledger")
    del command[at : at + 2]
    system.start(nodes=0)
    budget_store = f"redis://:{REDIS_PASSWORD}@127.0.0.1:1/0"
    system.add_node(environment={"TOLLHOUSE_BUDGET_STORE": budget_store, "TOLLHOUSE_ETCD_PASSWORD": ETCD_PASSWORD})
    for path, value in objects(servers.url).items():
        status, told = system.admin_call("PUT", path, value)
        assert status == 201, told
    system.wait_live()
    traffic(system)
    assert call(f"{system.admin_url.removesuffix('/apisix/admin')}/ui/oidc/start").status == 200  # back at the page
    seen = shown(system)
    for node in system.nodes:
        node.stop(8)
    asyncio.run_coroutine_threadsafe(servers.close(), loop).result(10)
    kept = files(system.folder)
    assert any(name.endswith("secrets.cache") for name in kept)
    found = [f"{name}: {secret[:20]}" for name, text in seen.items() for secret in PLANTED if secret in text]
    found += [f"{name}: {secret[:20]}" for name, data in kept.items() for secret in PLANTED if secret.encode() in data]
    assert found == []
    sent = [dict(one.headers) for one in system.simulators.openai.log.entries]
    assert f"Bearer {PROVIDER_KEY}" in json.dumps(sent)
