from __future__ import annotations

import json
from pathlib import Path

import pytest
from tollhouse.controlplane.settings import Settings, parser, read_settings


def read(*argv: str, **env: str) -> Settings:
    return read_settings(parser().parse_args(argv), env)


def test_defaults_listen_on_loopback_with_a_random_key() -> None:
    """Nothing given: loopback listeners, and an admin key that is made up anew each time."""
    one, two = read(), read()
    assert one.admin_listen == ("127.0.0.1", 9180)
    assert one.grpc_listen == ("127.0.0.1", 9181)
    assert one.generated_key
    assert one.generated_key != two.generated_key
    assert one.generated_key not in repr(one)


def test_flags_win_over_environment() -> None:
    """A flag wins over the environment, which wins over the default."""
    settings = read("--etcd", "a:1, b:2", TOLLHOUSE_ETCD="c:3", TOLLHOUSE_PREFIX="/other")
    assert settings.etcd_endpoints == ("a:1", "b:2")
    assert settings.prefix == "/other"


def test_given_admin_key_is_used() -> None:
    """With an admin key given none is generated; a viewer key alone is not enough."""
    assert not read(TOLLHOUSE_ADMIN_KEY="k" * 32).generated_key
    assert read(TOLLHOUSE_VIEWER_KEY="k" * 32).generated_key


def test_keys_file(tmp_path: Path) -> None:
    """Keys come from a JSON file with names and roles."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([{"name": "ci", "key": "c" * 20, "role": "admin"}, {"key": "v" * 20, "role": "viewer"}]))
    settings = read("--admin-keys-file", str(file))
    assert [(key.name, key.role) for key in settings.keys] == [("ci", "admin"), ("viewer-1", "viewer")]


@pytest.mark.parametrize(
    ("argv", "env", "text"),
    [
        (("--admin-listen", "nowhere"), {}, "--admin-listen: expected host:port"),
        (("--prefix", "apisix"), {}, "--prefix: expected a path"),
        (("--tls-cert", "x"), {}, "certificate needs its key"),
        (("--tls-client-ca", __file__), {}, "needs --tls-cert"),
        ((), {"TOLLHOUSE_ADMIN_KEY": "short"}, "at least 16"),
        ((), {"TOLLHOUSE_ADMIN_KEY": "k" * 20, "TOLLHOUSE_VIEWER_KEY": "k" * 20}, "given twice"),
        (("--admin-keys-file", "/nonexistent"), {}, "cannot be read"),
        (("--admin-keys-file", __file__), {}, "is not JSON"),
    ],
)
def test_refused(argv: tuple[str, ...], env: dict[str, str], text: str) -> None:
    """What does not fit is refused with a sentence that names the flag."""
    with pytest.raises(ValueError, match=text):
        read(*argv, **env)
