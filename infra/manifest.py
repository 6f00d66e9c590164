"""An artifact's manifest: a small JSON object, stored beside it, that says where it comes from."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from infra.bundle import ROOT, pinned

if TYPE_CHECKING:
    from pathlib import Path

# The sources that determine the artifact's bytes.
_SOURCES: Final = ("function", "infra/bundle.py")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The origin of an artifact.

    Attributes:
        digest: The artifact's SHA-256, in hexadecimal.
        commit: The git commit it was built from; empty outside a git checkout.
        dirty: Whether its sources had changes that are not committed.
        time: When it was built, in UTC.
        python: The Python that built it; the bytes do not depend on it.
        dependencies: The packages it contains besides the handler, name to version.
    """

    digest: str
    commit: str
    dirty: bool
    time: str
    python: str
    dependencies: dict[str, str]

    def as_json(self) -> str:
        """Return the manifest in the form that is stored beside the artifact."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Return the manifest that `text` contains.

        Raises:
            ValueError: if it is not JSON, or not a manifest.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"not a manifest: {error}") from None


def manifest_object_key(digest: str) -> str:
    """Return the S3 object key of the manifest of `digest`, the same in every artifact bucket."""
    return f"artifacts/{digest}.json"


def describe(digest: str, root: Path = ROOT) -> Manifest:
    """Return the manifest of an artifact that was just built from `root`."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--", *_SOURCES)
    return Manifest(
        digest=digest,
        commit=commit or "",
        # Sources that git does not know cannot be found again.
        dirty=not commit or changes != "",
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        dependencies=dict(pinned(root / "function" / "requirements.txt")),
    )


def _git(root: Path, *arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None
