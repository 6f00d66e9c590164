"""Writes every generated file: `python -m tools`."""

from __future__ import annotations

from infra.bundle import ROOT
from tools.generated import generated_files

for path, text in generated_files().items():
    path.write_text(text, encoding="utf-8")
    print(path.relative_to(ROOT))  # noqa: T201 - the paths are this command's result
