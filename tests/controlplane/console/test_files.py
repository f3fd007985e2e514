"""The console's files are self-contained: nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re

from tollhouse.controlplane.console import files


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    """As the content security policy demands."""
    found = files.load()
    page = found["index.html"].body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    ours = {name: file.body.decode() for name, file in found.items() if name.endswith(".js") and "vendor/" not in name}
    assert len(ours) > 10
    for name, text in ours.items():
        text = text.replace("http://www.w3.org/2000/svg", "")  # the name of a language, nothing to load
        assert not re.search(
            r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        ), name


def test_what_modules_import_is_there() -> None:
    """A missing module would be a blank page."""
    found = files.load()
    for name, file in found.items():
        if not name.endswith(".js"):
            continue
        folder = name.rpartition("/")[0]
        for wanted in re.findall(r'(?:import|from) "(\.[^"]+)"', file.body.decode()):
            parts = f"{folder}/{wanted}".split("/")
            path: list[str] = []
            for part in parts:
                if part == "..":
                    path.pop()
                elif part not in (".", ""):
                    path.append(part)
            assert "/".join(path) in found, f"{name} imports {wanted}"


def test_the_licence_of_what_is_vendored_is_there() -> None:
    """uPlot is somebody's work."""
    assert b"MIT License" in files.load()["vendor/uPlot-LICENSE.txt"].body
