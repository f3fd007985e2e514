"""A process is kept alive until it is stopped."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tollhouse.cli.embedded.child import Child, Command


async def test_dead_process_is_started_again(tmp_path: Path) -> None:
    """kill -9: another one comes, and a line says so; stop ends it for good."""
    said: list[str] = []
    child = Child(
        Command("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"]), tmp_path / "log", said.append
    )
    await child.start()
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)
    for _ in range(200):
        if child.restarts and child.pid not in (None, first):
            break
        await asyncio.sleep(0.02)
    assert child.restarts == 1
    assert "sleeper ended (-9)" in said[0]
    await child.stop()
    assert child.pid is None
    await asyncio.sleep(0.3)
    assert child.restarts == 1


async def test_last_words_are_kept(tmp_path: Path) -> None:
    """What a process said before it died can be shown."""
    child = Child(Command("talker", [sys.executable, "-c", "print('no disk')"]), tmp_path / "log", lambda line: None)
    await child.start()
    for _ in range(200):
        if "no disk" in child.last_words():
            break
        await asyncio.sleep(0.02)
    assert "no disk" in child.last_words()
    await child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of ``up`` leaves no process behind that would hold the ports."""
    code = f"""
import asyncio, pathlib, sys
import psutil
import pytest
from tollhouse.cli.embedded.child import Child, Command
async def main():
    command = Command("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"])
    child = Child(command, pathlib.Path({str(tmp_path / "log")!r}), print)
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    pytest.fail("the child lives on")
