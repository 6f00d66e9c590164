"""Deploys the function with changes of its code: something broken, or shorter waits."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra import artifact_source
from infra.bundle import build_bundle
from infra.manifest import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

_ROOT: Final = Path(__file__).resolve().parents[2]


def patch_artifact(
    monkeypatch: pytest.MonkeyPatch, folder: Path, changes: Mapping[str, Callable[[str], str]]
) -> None:
    """Let the artifact be built from a copy of the function's code.

    Args:
        monkeypatch: Undoes it.
        folder: Where the copy goes.
        changes: What makes the new code of a file from the old one.
    """
    shutil.copytree(_ROOT / "function", folder / "function")
    for file, change in changes.items():
        path = folder / "function" / file
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    # The manifest is of the same sources, or the promotion would find that it is not true.
    for build in (build_bundle, describe):
        patched = functools.partial(build, root=folder)
        monkeypatch.setattr(artifact_source, build.__name__, patched)
