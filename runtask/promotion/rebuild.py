"""Rebuilds an artifact from a commit, to see whether it is what its manifest says."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from infra.git_sources import SOURCES, run_git
from runtask.console import short_digest
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Exit code of `git merge-base --is-ancestor` for a commit that is known and no ancestor.
# https://git-scm.com/docs/git-merge-base
_NO_ANCESTOR: Final = 1


class RebuildError(RuntaskError):
    """An artifact cannot be rebuilt here, or must not be."""


class Rebuilder(Protocol):
    """Rebuilds artifacts."""

    def rebuild(self, commit: str) -> str:
        """Return the digest of the artifact that a commit's sources give.

        Args:
            commit: The commit, 40 or 64 hexadecimal digits.

        Raises:
            RebuildError: if the commit is not in the checkout's history, or cannot be built here.
        """


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A git checkout of the project.

    Attributes:
        folder: The folder of Pulumi.yaml.
    """

    folder: Path

    def rebuild(self, commit: str) -> str:
        """Return the digest of the artifact that a commit's sources give.

        The commit's own `infra/bundle.py` builds it, from the commit's own `function/`. It must be
        in the history of HEAD: the code of a branch that was not merged is not run here.
        """
        self._expect_in_history(commit)
        with tempfile.TemporaryDirectory(prefix="ecs-run-task-") as temporary:
            folder = Path(temporary)
            self._extract(commit, folder)
            return _build(folder, commit)

    def _expect_in_history(self, commit: str) -> None:
        head = run_git(self.folder, "rev-parse", "--verify", "HEAD")
        if head is None:
            raise RebuildError(
                f"commit {commit} cannot be rebuilt: git is not installed; install git, and run "
                "the command in a checkout of the project"
            )
        if head.returncode != 0:
            raise RebuildError(
                f"commit {commit} cannot be rebuilt: {self.folder.resolve()} is not a git checkout "
                "of the project; run: git clone URL && cd FOLDER && pulumi install, and repeat the "
                "command there"
            )
        found = run_git(self.folder, "merge-base", "--is-ancestor", commit, "HEAD")
        if found is not None and found.returncode == 0:
            return
        unknown = found is None or found.returncode != _NO_ANCESTOR
        what = "is not known in" if unknown else "is not in the history of"
        shallow = run_git(self.folder, "rev-parse", "--is-shallow-repository")
        unshallow = shallow is not None and shallow.stdout.strip() == b"true"
        update = "git fetch --unshallow" if unshallow else "git pull"
        raise RebuildError(
            f"commit {commit} {what} HEAD ({short_digest(head.stdout.decode())}) of the checkout "
            f"{self.folder.resolve()}; expected a commit that was merged there; if it was, run: "
            f"{update}; if not, merge it and deploy it again before it is promoted"
        )

    def _extract(self, commit: str, folder: Path) -> None:
        """Write the artifact's sources at a commit to a folder."""
        archive = run_git(self.folder, "archive", "--format=zip", commit, "--", *SOURCES)
        if archive is None or archive.returncode != 0:
            reason = _last_line(archive.stderr if archive else b"")
            raise RebuildError(f"commit {commit} has no sources of an artifact: {reason}")
        with zipfile.ZipFile(io.BytesIO(archive.stdout)) as sources:
            sources.extractall(folder)


def _build(folder: Path, commit: str) -> str:
    """Build the artifact in a folder, with the dependencies that are installed here."""
    # By its path, so that only the extracted module is run; `-P` keeps its folder off `sys.path`.
    command = [sys.executable, "-P", str(folder / "infra" / "bundle.py")]
    done = _run(command, folder)
    if done.returncode != 0:
        raise RebuildError(
            f"commit {commit} cannot be rebuilt with what is installed here: "
            f"{_last_line(done.stderr)}\nto rebuild it with its own dependencies, run: git switch "
            f"--detach {commit} && pulumi install, repeat the command, then run: git switch - && "
            "pulumi install"
        )
    path = Path(done.stdout.decode().strip())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False)  # noqa: S603


def _last_line(output: bytes) -> str:
    """Return the last line that a program wrote, which is the text of an exception's traceback."""
    lines = output.decode(errors="replace").strip().splitlines()
    # An exception's line begins with its class, with or without its module.
    return re.sub(r"^(__main__\.)?BundleError: ", "", lines[-1]) if lines else "no output"
