"""An artifact's manifest: a small JSON object, stored beside it, that says where it comes from.

It depends on nothing but the artifact's sources and their history. The same sources give the same
manifest at any later commit and on any machine, and once uncommitted changes are committed, the
next deployment replaces the manifest that called them uncommitted.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from infra.bundle import ROOT, pinned
from infra.git_sources import SOURCES, run_git
from infra.json_object import COMMIT, SHA256, TIME, check_text, quoted, read_object

if TYPE_CHECKING:
    from pathlib import Path

# Bytes of a manifest, and entries of its dependencies: more than any that is built here.
MAX_MANIFEST_BYTES: Final = 65_536
_MAX_DEPENDENCIES: Final = 200

# Name and version of a Python package.
# https://packaging.python.org/en/latest/specifications/name-normalization/
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The origin of an artifact. Who may deploy a stage may write its manifest, so it is checked.

    Attributes:
        digest: The artifact's SHA-256, in hexadecimal.
        commit: The last git commit that changed its sources; empty outside a git checkout.
        dirty: Whether its sources had changes that are not committed.
        time: When that commit was made, in UTC, ISO 8601; empty outside a git checkout.
        dependencies: The packages it contains besides the handler, name to version.
    """

    digest: str
    commit: str
    dirty: bool
    time: str
    dependencies: dict[str, str]

    def __post_init__(self) -> None:
        """Check the fields, whose text names objects and is shown to operators.

        Raises:
            ValueError: if a field has another form than it should.
        """
        check_text("digest", self.digest, SHA256, "a SHA-256 in 64 hexadecimal digits")
        check_text("commit", self.commit, COMMIT, "a git commit in hexadecimal digits")
        check_text("time", self.time, TIME, "a time in UTC such as 2026-11-20T11:00:00+00:00")
        if not self.commit and not self.dirty:
            raise ValueError("dirty: expected true where commit is empty, found false")
        if len(self.dependencies) > _MAX_DEPENDENCIES:
            raise ValueError(
                f"dependencies: expected at most {_MAX_DEPENDENCIES}, found "
                f"{len(self.dependencies)}"
            )
        for name, version in self.dependencies.items():
            check_text("dependencies", name, _PACKAGE, "names of packages")
            check_text(f"dependencies.{name}", version, _VERSION, "a version")

    def as_json(self) -> str:
        """Return the manifest in the form that is stored beside the artifact."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return the manifest that `text` contains.

        Raises:
            ValueError: if it is not a JSON object, or a field is missing, unknown or invalid.
        """
        if len(text) > MAX_MANIFEST_BYTES:
            raise ValueError(f"expected at most {MAX_MANIFEST_BYTES} bytes, found {quoted(text)}")
        return read_object(cls, text, closed=True)


def describe(digest: str, root: Path = ROOT) -> Manifest:
    """Return the manifest of an artifact that was just built from `root`.

    In a shallow clone the history ends early, and `commit` can be later than the last change.
    """
    last = _git(root, "log", "-1", "--format=%H %ct", "--no-show-signature") or ""
    commit, _, seconds = last.partition(" ")
    # Sources that git does not know cannot be found again.
    dirty = not commit or _git(root, "status", "--porcelain", "--untracked-files=all") != ""
    time = datetime.fromtimestamp(int(seconds), UTC).isoformat() if commit else ""
    return Manifest(
        digest=digest,
        commit=commit,
        dirty=dirty,
        time=time,
        dependencies=dict(pinned(root / "function" / "requirements.txt")),
    )


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git says about the sources; None without git, or outside a checkout."""
    done = run_git(root, *arguments, "--", *SOURCES)
    return done.stdout.decode().strip() if done and done.returncode == 0 else None
