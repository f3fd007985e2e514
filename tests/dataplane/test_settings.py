"""Flags and environment of a node."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tollhouse.dataplane.settings import Settings, parse_settings, split_address


def test_flags_win_over_the_environment_and_this_over_defaults():
    environ = {"TOLLHOUSE_WORKERS": "3", "TOLLHOUSE_PREFIX": "/a", "TOLLHOUSE_ETCD": "one:2379, two:2379"}
    settings = parse_settings(["--workers", "4"], environ)
    assert (settings.workers, settings.prefix, settings.etcd) == (4, "/a", ("one:2379", "two:2379"))
    assert parse_settings([], {}) == Settings()


def test_repeated_flags_add_up():
    assert parse_settings(["--config", "a", "--config", "b,c"], {}).config == ("a", "b", "c")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--workers", "0"], "--workers: expected 1 to 256, came 0"),
        (["--workers", "many"], "--workers: expected a number, came 'many'"),
        (["--http-listen", "nowhere"], "--http-listen: expected host:port, came 'nowhere'"),
        (["--control-listen", "127.0.0.1:99999"], "--control-listen: expected host:port"),
        (["--log-keep", "-1"], "--log-keep: expected 0 or more, came -1"),
        (["--log-level", "loud"], "--log-level: expected one of debug, info, warning, error"),
        (["--prefix", "apisix/"], "--prefix: expected a path like /apisix"),
        (["--grpc-cert", "c.pem"], "--grpc-cert and --grpc-key: give both or none"),
    ],
)
def test_a_bad_value_ends_the_start_and_says_what_was_expected(arguments, told, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_settings(arguments, {})
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_secrets_have_no_flag_and_no_repr():
    settings = parse_settings([], {"TOLLHOUSE_SEALING_KEY": "sealing-secret", "TOLLHOUSE_ADMIN_KEY": "admin-secret"})
    assert (settings.sealing_key, settings.admin_key) == ("sealing-secret", "admin-secret")
    assert "secret" not in repr(settings)
    with pytest.raises(SystemExit):
        parse_settings(["--admin-key", "x"], {})


@pytest.mark.parametrize(
    ("text", "pair"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:80", ("::1", 80)), (":80", ("127.0.0.1", 80))],
)
def test_addresses(text, pair):
    assert split_address(text) == pair


def test_version_and_help_answer_without_the_servers_libraries():
    code = (
        "import sys\nfrom tollhouse.dataplane.__main__ import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "sys.exit('aiohttp' in sys.modules or 'grpc' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("tollhouse-dataplane ")
