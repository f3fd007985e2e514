"""What operators said about targets, on disk: it holds until they take it back, over restarts of the node."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

log = logging.getLogger("tollhouse.breakers")


class StandingOrders:
    """Target -> ``open`` or ``close``, in one file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._orders: dict[str, str] = self._read()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(list(self._orders.items()))

    def set(self, name: str, action: str) -> None:
        """From now on; ``reset`` takes it back. Without a disk it holds until the node's end, which is logged."""
        if action == "reset":
            if self._orders.pop(name, None) is None:
                return
        else:
            self._orders[name] = action
        beside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(self._orders))
            beside.replace(self._path)
        except OSError as error:
            log.error("what was said about target %s will not outlive this process: %s", name, error)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.error("what operators said about targets cannot be read from %s: %s", self._path, error)
            return {}
