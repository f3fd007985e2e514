"""What looking at content costs: ``python -m benchmarks.scanning``, processor time per KB at first sight and again.

All packs together on code, prose, tool results in JSON and logs, in pieces of several sizes; ``--without NAME`` leaves
a rule group out (``injection.steering`` is the concept model). Rounds are interleaved, the best of each kind counts.
The texts are new to the memory of judged items, not to RE2's automata, whose states are made when text first asks for
them; what that costs a process that has seen nothing yet is told apart.
"""

from __future__ import annotations

import argparse
import json
import random
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tollhouse.dataplane.guarding.engine import Matcher
from tollhouse.dataplane.guarding.inspector import Inspector
from tollhouse.dataplane.guarding.packs import BUILT_IN, built_in
from tollhouse.dataplane.guarding.scoring import THRESHOLDS
from tollhouse.dataplane.guarding.segments import Item

SIZES = (512, 2048, 8192, 32768)
"""Characters of a piece."""
PER_KIND = 96 * 1024
"""Characters of each kind and size."""
ROUNDS = 5
NEW = 2048
"""Size of the pieces that a new process is given."""


def main() -> None:
    """Measure and print."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--without", action="append", default=[], help="a rule group that is left out")
    told.add_argument("--rounds", type=int, default=ROUNDS)
    given = told.parse_args()
    rules = [rule for name in BUILT_IN for rule in built_in(name).rules if rule.group not in given.without]
    matcher = Matcher(rules, "input")
    texts = {kind: made() for kind, made in KINDS.items()}
    pieces = {(kind, size): _pieces(text, size) for kind, text in texts.items() for size in SIZES}
    new = {kind: _once(matcher, pieces[kind, NEW])[0] for kind in KINDS}
    first = {key: float("inf") for key in pieces}
    again = dict(first)
    for _ in range(given.rounds + 1):
        for key, items in pieces.items():
            fresh, known = _once(matcher, items)
            first[key], again[key] = min(first[key], fresh), min(again[key], known)
    print(f"us per KB  {''.join(f'{size:>9}' for size in SIZES)}")
    for kind in KINDS:
        print(f"{kind:11}{''.join(f'{first[kind, size]:9.1f}' for size in SIZES)}")
    print(f"{'all':11}{''.join(f'{_mean(first, size):9.1f}' for size in SIZES)}")
    print(f"{'seen before':11}{''.join(f'{_mean(again, size):9.1f}' for size in SIZES)}")
    told_new = ", ".join(f"{kind} {cost:.0f}" for kind, cost in new.items())
    print(f"first {PER_KIND >> 10} KB of each kind in a new process, while automata are built: {told_new}")
    print(f"mean of all {sum(first.values()) / len(first):.1f}, seen before {sum(again.values()) / len(again):.1f}")


def _mean(costs: dict[tuple[str, int], float], size: int) -> float:
    return sum(costs[kind, size] for kind in KINDS) / len(KINDS)


def _once(matcher: Matcher, items: Sequence[Item]) -> tuple[float, float]:
    """Microseconds per KB for items never seen, and for the same again."""
    inspector = Inspector(matcher, THRESHOLDS, destinations=True)
    size = sum(len(item.raw) for item in items) / 1024
    costs = []
    for _ in range(2):
        began = time.process_time_ns()
        inspector.look(items, 1 << 40, lambda: False)
        costs.append((time.process_time_ns() - began) / 1000 / size)
    return costs[0], costs[1]


def _pieces(text: str, size: int) -> list[Item]:
    made = [text[at : at + size] for at in range(0, min(len(text), PER_KIND), size)]
    told = [json.dumps({"role": "tool", "tool_call_id": "call_1", "content": piece}) for piece in made]
    return [Item("messages", place, one.encode()) for place, one in enumerate(told)]


# --- what is looked at -----------------------------------------------------------------------------------------------


def _code() -> str:
    return _files(Path(sysconfig.get_path("stdlib")), "*.py", lambda file: "test" not in str(file))


def _prose() -> str:
    return _files(Path(__file__).resolve().parents[1] / "docs", "*.md", lambda file: "security" not in file.name)


def _files(folder: Path, pattern: str, wanted: Callable[[Path], bool]) -> str:
    files = sorted(file for file in folder.rglob(pattern) if wanted(file) and "site-packages" not in str(file))
    random.Random(5).shuffle(files)
    made: list[str] = []
    size = 0
    for file in files:
        if size >= PER_KIND:
            break
        made.append(file.read_text(errors="replace")[:12_000])
        size += len(made[-1])
    return "\n".join(made)


_TEXT = (
    "order shipped customer invoice pending refund parcel delayed warehouse stock note called asked about delivery the "
    "of to and please see attached meeting moved budget review project deadline team status update report quarter"
)
_WORDS = _TEXT.split()


def _tool_results() -> str:
    luck = random.Random(3)

    def record() -> dict[str, object]:
        return {
            "id": luck.randrange(10**9),
            "uuid": f"{luck.getrandbits(32):08x}-{luck.getrandbits(16):04x}-4{luck.getrandbits(12):03x}",
            "created_at": f"2026-{luck.randint(1, 12):02}-{luck.randint(1, 28):02}T{luck.randint(0, 23):02}:15:02Z",
            "status": luck.choice(("open", "closed", "pending")),
            "amount": round(luck.random() * 900, 2),
            "title": " ".join(luck.choices(_WORDS, k=6)),
            "body": " ".join(luck.choices(_WORDS, k=40)) + ".\n" + " ".join(luck.choices(_WORDS, k=20)),
            "url": f"https://shop.example/orders/{luck.randrange(10**6)}?page=2",
            "labels": luck.choices(_WORDS, k=3),
            "author": {"name": luck.choice(("Ana Ruiz", "Jo Lang", "Kim Sato")), "role": "agent"},
        }

    return json.dumps([record() for _ in range(180)], indent=1)


def _logs() -> str:
    luck = random.Random(4)
    made = []
    for second in range(1100):
        moment = f"2026-11-25T10:{second // 60 % 60:02}:{second % 60:02}.{luck.randrange(1000):03}Z"
        level = luck.choice(("INFO", "INFO", "DEBUG", "WARN", "ERROR"))
        what = luck.choice(
            (
                f'GET /api/v1/users/{luck.randrange(10**5)} 200 {luck.randrange(900)}ms "Mozilla/5.0 (X11)"',
                f"retrying connection to 10.0.{luck.randrange(256)}.7:5432, attempt {luck.randrange(9)}",
                f"trace={luck.getrandbits(128):032x} span={luck.getrandbits(64):016x} finished in {luck.random():.3f}s",
                f"job {luck.randrange(10**6)} of queue mail failed: TimeoutError after 30s, will be run again",
            )
        )
        made.append(f"{moment} {level} [worker-{luck.randrange(8)}] {what}")
    return "\n".join(made)


KINDS: dict[str, Callable[[], str]] = {"code": _code, "prose": _prose, "JSON": _tool_results, "logs": _logs}

if __name__ == "__main__":
    main()
