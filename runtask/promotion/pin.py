"""The artifact that a stage's file names, changed without touching anything else of the file."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from infra.names import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = f"{PROJECT}:artifact"

# No line is so long that it has to be broken.
_WIDTH = 4096


def pinned(path: Path) -> str:
    """Return what a stage's file says of its artifact: a digest, `build`, or nothing."""
    content = _yaml().load(path.read_text(encoding="utf-8"))
    return str((content.get("config") or {}).get(KEY, ""))


def pin(path: Path, artifact: str) -> None:
    """Write the artifact into a stage's file; comments and order stay as they are."""
    yaml = _yaml()
    content = yaml.load(path.read_text(encoding="utf-8"))
    if artifact:
        content.setdefault("config", {})[KEY] = artifact
    else:
        content["config"].pop(KEY, None)
    text = io.StringIO()
    yaml.dump(content, text)
    # In one step: a file that is half written would be no stack at all.
    new = path.with_suffix(".yaml.new")
    new.write_text(text.getvalue(), encoding="utf-8")
    new.replace(path)


@contextlib.contextmanager
def temporarily_pinned(path: Path, artifact: str) -> Iterator[None]:
    """Pin an artifact for the time of a preview, and put back what was there."""
    before = path.read_bytes()
    try:
        pin(path, artifact)
        yield
    finally:
        path.write_bytes(before)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
