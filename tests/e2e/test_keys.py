"""gatewayctl keys, against a running system."""

from __future__ import annotations

from tests.support.system import System, wait_for


def test_keys_are_issued_rotated_and_revoked(system: System) -> None:
    """Good at once on every node, shown once, stored as a digest, gone at once or after the overlap."""
    system.put("consumers/keyed", {"username": "keyed"})
    system.put(
        "routes/keyed",
        {
            "uri": "/keyed/*",
            "plugins": {"key-auth": {}, "ai-proxy": {"provider": "openai", "auth": {"header": {"x-k": "y"}}}},
        },
    )

    def status(key: str) -> int:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
        from tests.support.system import call

        return call(f"{system.node.url}/keyed/v1/chat/completions", body, {"apikey": key}).status

    first = system.ctl("keys", "issue", "keyed", "--ttl", "90d").stdout.strip()
    assert first.startswith("tlh-")
    assert status(first) != 401
    listed = system.ctl("keys", "list", "keyed").stdout
    name = next(word for word in listed.split() if word.startswith("key-") and word != "key-auth")
    assert first not in listed
    assert first not in system.ctl("dump").stdout
    second = system.ctl("keys", "rotate", "keyed", name, "--overlap", "2s").stdout.strip()
    assert status(second) != 401
    wait_for(lambda: status(first) == 401, 15, "the end of the old key")
    assert status(second) != 401
    # Nodes look at the end themselves; the lease under which it is stored ends a moment later.
    wait_for(lambda: system.ctl("keys", "list", "keyed").stdout.count("key-auth") == 1, 15, "the old key to go")
    listed = system.ctl("keys", "list", "keyed").stdout
    name = next(word for word in listed.split() if word.startswith("key-") and word != "key-auth")
    assert "revoked" in system.ctl("keys", "revoke", "keyed", name).stdout
    assert status(second) == 401
    assert system.ctl("keys", "revoke", "keyed", check=False).returncode == 2
    assert system.ctl("keys", "issue", "keyed", "--ttl", "soon", check=False).returncode == 2


def test_keys_for_tokens_and_signatures(system: System) -> None:
    """Issued with a name that is no secret, and a secret that is stored sealed; rotated by their own kind."""
    system.put("consumers/signer", {"username": "signer"})
    listed: dict[str, str] = {}
    for by in ("jwt-auth", "hmac-auth"):
        secret = system.ctl("keys", "issue", "signer", "--by", by).stdout.strip()
        rows = [line.split() for line in system.ctl("keys", "list", "signer").stdout.splitlines()]
        listed[by] = next(row[0] for row in rows if by in row)
        assert secret not in system.ctl("get", "credentials", "-o", "json").stdout
    assert system.ctl("keys", "rotate", "signer", listed["hmac-auth"]).stdout.startswith("tlh-")
    assert system.ctl("keys", "list").stdout.count("signer") == 3
    assert system.ctl("keys", "revoke", "signer", "--all").stdout.count("revoked") == 3


def test_admins_are_added_rotated_and_revoked(system: System) -> None:
    """Each key is shown once and is good for what its role may, until it is over or withdrawn."""
    first = system.ctl("admins", "add", "ci", "--role", "operator", "--kind", "consumers", "--ttl", "1h").stdout.strip()

    def said(key: str, *arguments: str) -> str:
        return system.ctl("--admin-key", key, *arguments, check=False).stderr

    wait_for(lambda: "wrong apikey" not in said(first, "get", "consumers"), 5, "the key to be known")
    assert "may not read routes" in said(first, "get", "routes")
    second = system.ctl("admins", "rotate", "ci", "--overlap", "0s").stdout.strip()
    wait_for(lambda: not said(second, "get", "consumers"), 5, "the new key to be known")
    assert "wrong apikey" in said(first, "get", "consumers")
    told = system.ctl("admins", "list").stdout
    assert "operator" in told
    assert first not in told + second
    system.ctl("admins", "revoke", "ci")
    wait_for(
        lambda: "wrong apikey" in system.ctl("--admin-key", second, "get", "consumers", check=False).stderr,
        5,
        "the end of the key",
    )
