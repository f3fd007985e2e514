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
    listed = system.ctl("keys", "list", "keyed").stdout
    name = next(word for word in listed.split() if word.startswith("key-") and word != "key-auth")
    assert "revoked" in system.ctl("keys", "revoke", "keyed", name).stdout
    assert status(second) == 401
    assert system.ctl("keys", "revoke", "keyed", check=False).returncode == 2
    assert system.ctl("keys", "issue", "keyed", "--ttl", "soon", check=False).returncode == 2
