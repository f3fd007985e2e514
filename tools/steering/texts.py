"""What the concept model learns from: written lines with choices, cases the rules were tuned on, ordinary files."""

from __future__ import annotations

import hashlib
import random
import re
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from tests.support.guard_cases import cases

ROOT = Path(__file__).resolve().parents[2]
TUNED = ("tuning", "held_out", "second", "third", "fourth", "fifth")
"""Sets of injection cases that may be learned from; the others are held out."""
OWN = ("docs", "dataplane", "controlplane", "cli")
FILE_SIZE = 5000
"""Characters of an ordinary file that are read."""

AROUND = (20, 160)
"""Blanks of the other text that may stand before and after an attack in its midst."""

_CHOICE = re.compile(r"\{([^{}]*)\}")
_RESERVED = re.compile(r"[\w.-]+\.example(?!\w)")
_HOSTS = (
    "cdn-sync.com", "drop-box.net", "files.io", "acme.org", "mail-hub.net", "shop24.de", "api.host.io", "my-site.com",
    "get.it.co", "panel.xyz", "docs.page.dev", "info-desk.org",
)  # fmt: skip
"""Stand in place of reserved names, or the model would learn that those are attacks."""


def written(name: str, count: int) -> list[str]:
    """Texts made from the lines of a file, each line ``count`` times with other choices."""
    luck = random.Random(11)
    made = []
    for line in (Path(__file__).parent / f"{name}.txt").read_text().split("\n")[1:]:
        if not line.strip():
            continue
        for _ in range(count):
            text = line
            while _CHOICE.search(text):
                text = _CHOICE.sub(lambda found: luck.choice(found[1].split("|")), text)
            made.append(_with_hosts(text.replace("\\n", "\n"), luck))
    return list(dict.fromkeys(made))


def tuned(kind: str, sets: Sequence[str] = TUNED) -> list[str]:
    """Undisguised cases of the sets that may be learned from."""
    luck = random.Random(7)
    folder = ROOT / "tests" / "golden" / "guard"
    documents = [yaml.safe_load((folder / f"injection.{name}.yaml").read_text()) for name in sets]
    found = [case["text"] for document in documents for case in cases(document, kind) if not case.get("as")]
    return [_with_hosts(text, luck) for text in found]


def ordinary(folders: Iterable[Path], count: int) -> list[str]:
    """The beginnings of some ordinary files: half of those there are, the other half is left for measuring."""
    files = [file for folder in folders for file in folder.rglob("*") if _is_ordinary(file)]
    files = sorted(file for file in set(files) if is_learned(file))
    random.Random(3).shuffle(files)
    return [file.read_text(errors="replace")[:FILE_SIZE] for file in files[:count]]


def in_the_midst(texts: Sequence[str], others: Sequence[str], count: int) -> list[str]:
    """Each text ``count`` times within some other text, as a page or a file brings it."""
    luck = random.Random(5)
    made = []
    for text in texts:
        for _ in range(count):
            words = luck.choice(others).split(" ")
            size = luck.randint(*AROUND)
            begin = luck.randrange(max(1, len(words) - 2 * size))
            before, after = words[begin : begin + size], words[begin + size : begin + size + luck.randint(*AROUND)]
            seams = luck.choice(("\n", "\n\n", " ", ". ")), luck.choice(("\n", "\n\n", " "))
            made.append(f"{' '.join(before)}{seams[0]}{text}{seams[1]}{' '.join(after)}")
    return made


def is_learned(file: Path) -> bool:
    """Whether a file is in the half that is learned from."""
    return hashlib.md5(str(file).encode(), usedforsecurity=False).digest()[0] % 2 == 1


def default_folders() -> list[Path]:
    """Ordinary text wherever the gateway is built: Python's library, installed packages, our own pages and code."""
    return [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib")), *(ROOT / name for name in OWN)]


def _is_ordinary(file: Path) -> bool:
    told = str(file)
    return (
        file.suffix in (".py", ".md", ".txt", ".rst", ".html", "")
        and file.is_file()
        and not re.search("security|guard", told)
    )


def _with_hosts(text: str, luck: random.Random) -> str:
    return _RESERVED.sub(lambda found: luck.choice(_HOSTS), text)
