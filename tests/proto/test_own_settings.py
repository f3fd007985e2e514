"""The gateway's own settings stay its own."""

from __future__ import annotations

import pytest
from tollhouse.proto.own_settings import may_name_variable, may_read_folder, may_write_file, own_settings


def test_variables_of_the_gateway_are_not_for_configurations() -> None:
    """All others are, unless the operator says which."""
    assert may_name_variable("OPENAI_API_KEY", {})
    for name in ("TOLLHOUSE_ADMIN_KEY", "TOLLHOUSE_SEALING_KEY", "tollhouse_x"):
        assert not may_name_variable(name, {"TOLLHOUSE_ENV_ALLOWED": "*"})
    narrow = {"TOLLHOUSE_ENV_ALLOWED": "OPENAI_*, VAULT_TOKEN"}
    assert [may_name_variable(name, narrow) for name in ("OPENAI_API_KEY", "VAULT_TOKEN", "DATABASE_URL")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("folder", "anywhere", "narrowed"),
    [("/run/secrets", True, True), ("/run/secrets/a", True, True), ("/etc", True, False), ("/proc/self", False, False),
     ("/sys", False, False), ("/dev/shm", False, False), ("/", False, False), ("/run/secrets2", True, False)],
)  # fmt: skip
def test_folders_of_the_system_hold_no_secrets(folder: str, anywhere: bool, narrowed: bool) -> None:
    """``/proc/self/environ`` would tell everything."""
    assert may_read_folder(folder, {}) is anywhere
    assert may_read_folder(folder, {"TOLLHOUSE_SECRET_FOLDERS": "/run/secrets"}) is narrowed


def test_log_entries_go_where_the_operator_wants_them() -> None:
    """Anywhere but into the system, or into the folders that were named."""
    narrow = {"TOLLHOUSE_LOG_FOLDERS": "/var/log/agents, /data"}
    for file, anywhere, narrowed in (
        ("/var/log/agents/a.log", True, True),
        ("/data/x", True, True),
        ("/etc/cron.d/x", True, False),
        ("/proc/sys/kernel/core_pattern", False, False),
        ("/var/log/agents2/a.log", True, False),
    ):
        assert (may_write_file(file, {}), may_write_file(file, narrow)) == (anywhere, narrowed)


def test_writes_that_name_them_are_told_the_field() -> None:
    """Wherever it stands, behind a scheme too."""
    value = {"a": [{"b": "Bearer $env://TOLLHOUSE_ADMIN_KEY"}], "c": "$ENV://Tollhouse_x/field", "d": "$env://OTHER"}
    assert [problem.where for problem in own_settings(value, "routes/r")] == ["routes/r.a[0].b", "routes/r.c"]
