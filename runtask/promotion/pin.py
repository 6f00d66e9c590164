"""The artifact pinned in a stage's file, changed without touching the rest of the file."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from infra.names import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG_KEY: Final = f"{PROJECT}:artifact"

# Characters of a line, more than any has: a long line must not be wrapped.
_LINE_WIDTH: Final = 4096


def pinned(path: Path) -> str:
    """Return the artifact that a stage's file names: a digest, `build`, or nothing."""
    content = round_trip_yaml().load(path.read_text(encoding="utf-8"))
    return str((content.get("config") or {}).get(CONFIG_KEY, ""))


def pin(path: Path, artifact: str) -> None:
    """Write the artifact into a stage's file; comments and order are kept.

    Args:
        path: The stage's file.
        artifact: A digest or `build`; empty removes the key.
    """
    yaml = round_trip_yaml()
    content = yaml.load(path.read_text(encoding="utf-8"))
    if artifact:
        content.setdefault("config", {})[CONFIG_KEY] = artifact
    else:
        content["config"].pop(CONFIG_KEY, None)
    replace_file(path, dumped(yaml, content))


@contextlib.contextmanager
def temporarily_pinned(path: Path, artifact: str) -> Iterator[None]:
    """Pin an artifact during a preview, and restore the file afterwards."""
    before = path.read_bytes()
    try:
        pin(path, artifact)
        yield
    finally:
        path.write_bytes(before)


def replace_file(path: Path, text: str) -> None:
    """Write a file; it is renamed into place, so an interruption never leaves half of it."""
    new = path.with_suffix(".yaml.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def dumped(yaml: YAML, content: object) -> str:
    """Return the text of a file's content."""
    text = io.StringIO()
    yaml.dump(content, text)
    return text.getvalue()


def round_trip_yaml() -> YAML:
    """Return what reads and writes a stack's file with its comments, order and quotes."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _LINE_WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
