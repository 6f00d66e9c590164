"""A manifest says where an artifact comes from, in a git checkout and outside of one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.manifest import Manifest, describe

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "ab" * 32


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "function", tmp_path / "function")
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    author = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", "-C", str(root), *author, *arguments], check=True, capture_output=True)  # noqa: S607


def test_outside_of_git_there_is_no_commit_and_it_is_dirty(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(copy.parent))
    described = describe(DIGEST, copy)
    assert (described.commit, described.dirty) == ("", True)


def test_without_git_there_is_no_commit(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert describe(DIGEST, copy).commit == ""


def test_a_change_that_is_not_committed_makes_it_dirty(copy: Path) -> None:
    git(copy, "init", "--quiet")
    git(copy, "add", "function")
    git(copy, "commit", "--quiet", "-m", "Begin")
    assert describe(DIGEST, copy).dirty is False
    assert len(describe(DIGEST, copy).commit) == 40
    (copy / "function" / "handler.py").write_text("", encoding="utf-8")
    assert describe(DIGEST, copy).dirty is True


def test_a_manifest_is_read_as_it_was_written(copy: Path) -> None:
    described = describe(DIGEST, copy)
    assert Manifest.from_json(described.as_json()) == described


@pytest.mark.parametrize("text", ["{}", '{"digest": "ab", "author": "me"}', "not JSON"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a manifest|Expecting value"):
        Manifest.from_json(text)
