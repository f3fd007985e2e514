"""The name a node keeps over restarts."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from tollhouse.dataplane.settings import Settings, own_hostname


def load_node_id(settings: Settings) -> str:
    """The configured one, else the one in the state folder, else a new one, kept there from now on."""
    if settings.node_id:
        return settings.node_id
    path = Path(settings.state_dir) / "node-id"
    try:
        known = path.read_text().strip()
    except FileNotFoundError:
        known = ""
    if known:
        return known
    host = re.sub(r"[^a-zA-Z0-9.-]", "-", own_hostname(settings))[:40]
    fresh = f"{host}-{secrets.token_hex(4)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fresh + "\n")
    return fresh
