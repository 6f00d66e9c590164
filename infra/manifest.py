"""What an artifact was made of: a small JSON object that travels with it."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.bundle import ROOT, pinned

if TYPE_CHECKING:
    from pathlib import Path

# What decides the artifact's bytes; a change anywhere else does not make it another artifact.
_SOURCES = ("function", "infra/bundle.py")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Where an artifact comes from.

    Attributes:
        digest: The artifact's SHA-256, in hexadecimal.
        commit: The git commit it was built at; empty outside of a git checkout.
        dirty: Whether its sources were as no commit has them.
        time: When it was built, in UTC.
        python: The Python that built it; the bytes do not depend on it.
        dependencies: What it holds besides the handler, `name` to version.
    """

    digest: str
    commit: str
    dirty: bool
    time: str
    python: str
    dependencies: dict[str, str]

    def as_json(self) -> str:
        """Return the manifest as it is kept beside the artifact."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest.

        Raises:
            ValueError: if the text is none.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(f"is no manifest: {error}") from None


def manifest_object_key(digest: str) -> str:
    """Return the key under which every artifact bucket holds the manifest of `digest`."""
    return f"artifacts/{digest}.json"


def describe(digest: str, root: Path = ROOT) -> Manifest:
    """Return the manifest of an artifact that was built here and now."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--", *_SOURCES)
    return Manifest(
        digest=digest,
        commit=commit or "",
        # What git does not know cannot be found again either.
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
