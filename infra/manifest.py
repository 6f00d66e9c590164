"""An artifact's manifest: a small JSON object, stored beside it, that says where it comes from.

It depends on nothing but the artifact's sources and their history. The same sources give the same
manifest at any later commit and on any machine, and once uncommitted changes are committed, the
next deployment replaces the manifest that called them uncommitted.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from infra.bundle import ROOT, pinned
from infra.json_object import read_object

if TYPE_CHECKING:
    from pathlib import Path

# The sources that determine the artifact's bytes; `function` has the pinned dependencies too.
_SOURCES: Final = ("function", "infra/bundle.py")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The origin of an artifact.

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

    def as_json(self) -> str:
        """Return the manifest in the form that is stored beside the artifact."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return the manifest that `text` contains.

        Raises:
            ValueError: if it is not a JSON object, or a field is missing or has another type.
        """
        return read_object(cls, text)


def manifest_object_key(digest: str) -> str:
    """Return the S3 object key of the manifest of `digest`, the same in every artifact bucket."""
    return f"artifacts/{digest}.json"


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
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", str(root), *arguments, "--", *_SOURCES],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None
