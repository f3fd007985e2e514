"""file-logger writes the entries its config asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane import registry
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.file_logger import FileLogger
from tollhouse.dataplane.services import LogFiles

from tests.support.exchanges import finished_chat, finished_exchange
from tests.support.services import plain_services


class Files(LogFiles):
    """Keeps the lines in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def append(self, path: str, line: bytes) -> bool:
        self.lines.append((path, json.loads(line)))
        return True


def logged(ex: Exchange, metadata: dict[str, Any] | None = None, **config: Any) -> list[tuple[str, dict[str, Any]]]:
    files = Files()
    loaded, _ = registry.load_plugin_config("file-logger", {"path": "/logs/a.log", **config})
    told = FileLogger.Metadata.model_validate(metadata) if metadata and FileLogger.Metadata else None
    services = plain_services(log_files=files, hostname="n")
    FileLogger(loaded, Place("routes", "r1"), services, told).record(ex)  # type: ignore[arg-type]
    return files.lines


async def test_the_default_entry() -> None:
    """Without a format the whole entry goes to the file."""
    [(path, entry)] = logged(await finished_chat())
    assert path == "/logs/a.log"
    assert entry["llm_summary"]["model"] == "gpt-x"
    assert entry["server"]["hostname"] == "n"
    assert "body" not in entry["request"]


async def test_formats() -> None:
    """The place's format wins over the metadata's; extra fields join the default ones."""
    ex = await finished_chat()
    [(_, entry)] = logged(ex, {"log_format": {"a": "$status"}})
    assert entry == {"a": 200, "route_id": "r1"}
    [(_, entry)] = logged(ex, {"log_format": {"a": "$status"}}, log_format={"b": "x"})
    assert entry == {"b": "x", "route_id": "r1"}
    [(_, entry)] = logged(ex, log_format_extra={"team": "blue"})
    assert entry["team"] == "blue"
    assert entry["request"]["method"] == "POST"


async def test_only_requests_that_match() -> None:
    """``match`` chooses the exchanges."""
    rule = [["llm_prompt_tokens", ">", 50]]
    assert len(logged(await finished_chat(), match=rule)) == 1
    assert logged(await finished_exchange(), match=rule) == []


async def test_bodies_on_request() -> None:
    """The body is logged when asked for, for the requests asked for, up to the size asked for."""
    ex = await finished_chat()
    [(_, entry)] = logged(ex, include_req_body=True, max_req_body_bytes=5)
    assert entry["request"]["body"] == '{"mod'
    [(_, entry)] = logged(ex, include_req_body=True, include_req_body_expr=[["request_method", "==", "GET"]])
    assert "body" not in entry["request"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "path"),
        ({"path": "a", "max_resp_body_bytes": 0}, "max_resp_body_bytes"),
        ({"path": "a", "match": [["a", "nonsense", 1]]}, ""),
        ({"path": "a", "colour": 1}, "colour"),
    ],
)
def test_what_is_not_there_is_refused(config: dict[str, Any], field: str) -> None:
    """Options that would do nothing are no options."""
    [problem] = registry.check_plugin("file-logger", config, "plugins.file-logger")
    assert field in problem.where
