"""What is kept between runs."""

from pathlib import Path

import pytest
from tollhouse.cli.embedded.state import State
from tollhouse.cli.failure import Failure


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    """Random, kept, and readable by their owner only."""
    state = State(tmp_path / "s").open()
    keys = [state.admin_key, state.sealing_key, state.demo_key]
    assert len(set(keys)) == 3
    assert keys == [state.admin_key, state.sealing_key, state.demo_key]
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "s").glob("*.key")] == [0o600] * 3
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700


def test_folder_is_held_by_one(tmp_path: Path) -> None:
    """A second run on the same folder is told so; after the first it gets it, with what was noted."""
    first = State(tmp_path).open()
    first.remember(demo_applied=True)
    with pytest.raises(Failure, match="already running"):
        State(tmp_path).open()
    first.close()
    assert State(tmp_path).open().remembered() == {"demo_applied": True}
