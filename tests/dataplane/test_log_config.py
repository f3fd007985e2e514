"""What logger configs share."""

from __future__ import annotations

import json

from tollhouse.dataplane.log_config import (
    EntryWriter,
    LoggerConfig,
    LoggerMetadata,
    check_expressions,
    compile_condition,
)

from tests.support.exchanges import finished_chat, finished_exchange


async def test_metadata_fills_in_what_a_place_leaves_open() -> None:
    """Format and extra fields of the place win over those that hold everywhere."""
    ex = await finished_chat()
    told = LoggerMetadata(log_format_extra={"site": "a"})
    entry = json.loads(EntryWriter(LoggerConfig(), told, "n")(ex, 1001.0))
    assert (entry["site"], entry["server"]["hostname"]) == ("a", "n")
    entry = json.loads(EntryWriter(LoggerConfig(log_format_extra={"place": "b"}), told, "n")(ex, 1001.0))
    assert entry["place"] == "b"
    assert "site" not in entry


def test_expressions_are_checked() -> None:
    """A condition that cannot be read is told by its field."""
    [problem] = check_expressions(LoggerConfig(include_req_body_expr=[["a", "?", 1]]))
    assert problem.startswith("include_req_body_expr: ")
    assert check_expressions(LoggerConfig()) == []


async def test_a_condition_on_a_body_that_is_gone_does_not_hold() -> None:
    """Bodies that were streamed through cannot be asked any more."""
    ex = await finished_exchange(headers={"content-length": "5", "content-type": "application/json"})
    assert not compile_condition([["post_arg.model", "==", "x"]])(ex)
    assert compile_condition(None)(ex)
