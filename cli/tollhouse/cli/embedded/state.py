"""What the embedded system keeps between runs, under ``./.tollhouse/``."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tollhouse.cli.client import KEY_FILE
from tollhouse.cli.failure import Failure

LAYOUT = "state.json"


@dataclass
class State:
    """The folder of one embedded system. One process holds it at a time."""

    folder: Path
    _lock: IO[str] | None = None

    @property
    def logs(self) -> Path:
        """Where the processes' output goes."""
        return self.folder / "logs"

    def open(self) -> State:
        """Create what is missing and take hold of the folder. Raises Failure when another process has it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Failure(
                f"a system is already running on {self.folder}",
                "use it, stop it (Ctrl-C there), or give another --state-dir",
            ) from None
        self._lock = lock
        return self

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secret(self, name: str, make: Any) -> str:
        """A secret of this installation, made at its first use; readable by its owner only."""
        path = self.folder / name
        if path.is_file():
            return path.read_text().strip()
        value = str(make())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value + "\n")
        return value

    @property
    def admin_key(self) -> str:
        """The key of the Admin API."""
        return self.secret(KEY_FILE, lambda: f"tha-{secrets.token_urlsafe(32)}")

    @property
    def sealing_key(self) -> str:
        """What inline secrets in etcd are encrypted with: 32 random bytes."""
        return self.secret("sealing.key", lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def demo_key(self) -> str:
        """The demo agent's key at the gateway."""
        return self.secret("demo-agent.key", lambda: f"th-{secrets.token_urlsafe(24)}")

    def remembered(self) -> dict[str, Any]:
        """What earlier runs noted."""
        path = self.folder / LAYOUT
        return json.loads(path.read_text()) if path.is_file() else {}

    def remember(self, **facts: Any) -> None:
        """Note something for later runs and other commands."""
        known = self.remembered() | facts
        scratch = self.folder / (LAYOUT + ".new")
        scratch.write_text(json.dumps(known, indent=2) + "\n")
        scratch.replace(self.folder / LAYOUT)
