"""``tollhouse-controlplane``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

from tollhouse.controlplane.settings import Settings, parser, read_settings


def main(argv: Sequence[str] | None = None) -> None:
    """Runs until SIGTERM or SIGINT. Exit codes: 0 stopped, 1 could not start, 2 wrong flags."""
    arguments = parser().parse_args(argv)
    if arguments.version:
        print(f"tollhouse-controlplane {version('tollhouse')}")
        return
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = read_settings(arguments, os.environ)
    except ValueError as error:
        print(f"tollhouse-controlplane: {error}", file=sys.stderr)
        sys.exit(2)
    if settings.generated_key:
        print(f"No admin key was given; this one is valid until the process ends: {settings.generated_key}", flush=True)
    try:
        _run(settings)
    except (OSError, ValueError) as error:
        print(f"tollhouse-controlplane: {error}", file=sys.stderr)
        sys.exit(1)


def _run(settings: Settings) -> None:
    try:
        import uvloop
    except ImportError:  # not on every platform
        asyncio.run(_serve(settings))
    else:
        uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from tollhouse.controlplane.app import ControlPlane  # heavy imports only once the flags are right

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    plane = ControlPlane(settings)
    try:
        await plane.start()
        await stopping.wait()
    finally:
        await plane.close()


if __name__ == "__main__":
    main()
