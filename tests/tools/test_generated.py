"""The generated files in docs/ are current."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.generated import generated_files

FILES = generated_files()
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_generated_file_is_current(path: Path) -> None:
    assert path.exists(), "run: nox -s docs"
    assert path.read_text(encoding="utf-8") == FILES[path], "run: nox -s docs"
