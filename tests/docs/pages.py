"""The pages of the documentation, and what stands in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

_FENCE: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_COMMAND: Final = re.compile(r"(?:^|[\s(])runtask ([a-z]+)(?=\s|$)(.*)")
_OPTION: Final = re.compile(r"(?<!\S)--[a-z-]+")


def files() -> list[Path]:
    """Return every file of the repository that git does not ignore."""
    git = shutil.which("git")
    assert git is not None
    listed = subprocess.run(
        [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {ROOT / name for name in listed.stdout.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def pages() -> list[Path]:
    """Return every page of documentation, wherever it is."""
    return [path for path in files() if path.suffix == ".md"]


def read(name: str) -> str:
    """Return the text of a page in `docs/`."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return _FENCE.sub("", text)


def spans(text: str) -> set[str]:
    """Return what stands in backticks in a page's prose."""
    return set(_SPAN.findall(prose(text)))


def all_spans() -> set[str]:
    """Return what stands in backticks anywhere in `docs/`."""
    return {
        span for path in (ROOT / "docs").glob("*.md") for span in spans(path.read_text("utf-8"))
    }


def section(text: str, title: str) -> str:
    """Return a section of a page, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {title}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row whose first cell stands in backticks."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| `")
    ]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Return verb and options of every `runtask` command in code blocks and in backticks."""
    lines = [*_SPAN.findall(prose(text))]
    for block in _FENCE.findall(text):
        lines += re.sub(r"\\\n\s*", " ", block).splitlines()
    found = []
    for line in lines:
        match = _COMMAND.search(line.partition("#")[0])
        if match is not None:
            found.append((match[1], _OPTION.findall(match[2].partition("|")[0])))
    return found
