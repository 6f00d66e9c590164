"""An artifact is rebuilt from a commit of the checkout's history, and from nothing else."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from infra.bundle import build_bundle
from infra.manifest import describe
from runtask.promotion.rebuild import Checkout, RebuildError
from tests.checkouts import change, commit, git, make_checkout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a checkout of the artifact's sources, in a folder of a repository."""
    return make_checkout(tmp_path / "repository", "deployment")


def test_the_digest_is_that_of_the_commit_and_not_of_the_files_that_are_there(folder: Path) -> None:
    digest = build_bundle(folder).digest
    first = describe(digest, folder).commit
    change(folder)
    (folder / "function" / "new.py").write_text("new = 1\n", encoding="utf-8")
    assert build_bundle(folder).digest != digest
    assert Checkout(folder=folder).rebuild(first) == digest
    second = commit(folder, "changed")
    assert Checkout(folder=folder).rebuild(first) == digest
    assert Checkout(folder=folder).rebuild(second) == build_bundle(folder).digest


def test_the_commit_of_a_branch_that_is_not_merged_is_refused_by_name(folder: Path) -> None:
    git(folder, "switch", "--quiet", "--create", "pull-request")
    change(folder, text="raise SystemExit('must not run')\n")
    branch = commit(folder, "changed")
    git(folder, "switch", "--quiet", "main")
    head = git(folder, "rev-parse", "HEAD")
    with pytest.raises(
        RebuildError,
        match=f"^commit {branch} is not in the history of HEAD \\({head[:12]}\\) of the checkout "
        f"{re.escape(str(folder))}; expected a commit that was merged there",
    ):
        Checkout(folder=folder).rebuild(branch)
    git(folder, "merge", "--quiet", "--no-ff", "--no-edit", "pull-request")
    assert Checkout(folder=folder).rebuild(branch) == build_bundle(folder).digest


def test_an_unknown_commit_is_refused_with_what_brings_the_checkout_up_to_date(
    folder: Path,
) -> None:
    with pytest.raises(RebuildError, match=f"^commit {'c' * 40} is not known in HEAD .*: git pull"):
        Checkout(folder=folder).rebuild("c" * 40)


def test_a_shallow_clone_is_told_to_fetch_its_history(folder: Path, tmp_path: Path) -> None:
    first = git(folder, "rev-parse", "HEAD")
    change(folder)
    commit(folder, "changed")
    shallow = tmp_path / "shallow"
    source = folder.parent.as_uri()
    git(tmp_path, "clone", "--quiet", "--depth", "1", source, str(shallow))
    with pytest.raises(RebuildError, match=r"is not known in HEAD .*run: git fetch --unshallow;"):
        Checkout(folder=shallow / "deployment").rebuild(first)


def test_outside_of_a_checkout_the_commands_that_help_are_named(folder: Path) -> None:
    shutil.rmtree(folder.parent / ".git")
    with pytest.raises(
        RebuildError, match=r"is not a git checkout .*run: git clone URL && .*pulumi install"
    ):
        Checkout(folder=folder).rebuild("c" * 40)


def test_without_git_the_command_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RebuildError, match="git is not installed; install git"):
        Checkout(folder=folder).rebuild("c" * 40)


def test_other_dependencies_than_the_commits_are_named_with_the_commands_that_install_them(
    folder: Path,
) -> None:
    pins = folder / "function" / "requirements.txt"
    pins.write_text("jmespath==0.0.1 \\\n    --hash=sha256:00\n", encoding="utf-8")
    old = commit(folder, "older dependencies")
    with pytest.raises(RebuildError) as caught:
        Checkout(folder=folder).rebuild(old)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"commit {old} cannot be rebuilt with what is installed here: jmespath")
    assert "function/requirements.txt pins 0.0.1" in first
    assert f"git switch --detach {old} && pulumi install, repeat the command" in second


def test_a_commit_without_sources_is_refused(folder: Path) -> None:
    git(folder, "rm", "--quiet", "-r", "function")
    empty = commit(folder, "nothing")
    with pytest.raises(RebuildError, match=f"^commit {empty} has no sources of an artifact: "):
        Checkout(folder=folder).rebuild(empty)
