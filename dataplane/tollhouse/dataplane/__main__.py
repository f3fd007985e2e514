"""``tollhouse-dataplane``: start one node, that is a supervisor and its workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tollhouse.dataplane.settings import parse_settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until told to stop; the exit status is 0 after a clean drain."""
    settings = parse_settings(arguments)
    # The node starts workers with exec and never forks on; gRPC's fork handlers only complain about it. Read on import.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # Imported late: --help and --version answer at once, without the server's libraries.
    from tollhouse.dataplane.runtime.node.supervisor import run_node

    sys.exit(run_node(settings))


if __name__ == "__main__":
    main()
