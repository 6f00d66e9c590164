"""Builds the artifact: a zip of `function/` and its pinned dependencies, reproducible byte by byte.

Nothing is compressed, because two builds of zlib may compress the same bytes differently, and
nothing is compiled, because bytecode belongs to one version of Python. The dependencies are the
installed ones: pip verified the wheels against the hashes of `function/requirements.txt`, and every
file is verified again here against the wheel's own RECORD.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDLER: Final = "function.handler.handler"
PYTHON_RUNTIME: Final = "python3.13"

ROOT: Final = Path(__file__).resolve().parent.parent

# The earliest time that a zip entry can have; any fixed one would do.
_TIME: Final = (1980, 1, 1, 0, 0, 0)

# The system and the mode of every entry: a regular Unix file, readable by all.
_UNIX: Final = 3
_MODE: Final = 0o100644 << 16

# Parts of aws-lambda-powertools that the handler does not import, directly or indirectly. They are
# three quarters of its size, and every file adds to a cold start.
_UNUSED: Final = re.compile(
    r"aws_lambda_powertools/(event_handler|utilities/(?!__init__|jmespath_utils))"
)

_PIN: Final = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)")


class BundleError(pulumi.RunError):
    """The artifact cannot be built; the text names the cause and the fix."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An artifact.

    Attributes:
        content: The bytes of the zip.
        digest: Their SHA-256 in hexadecimal, which names the artifact.
    """

    content: bytes
    digest: str


def build_bundle(root: Path = ROOT) -> Bundle:
    """Build the artifact from the sources below `root` and the installed dependencies.

    Raises:
        BundleError: if a dependency is missing, has another version, or was changed.
    """
    files = dict(_sources(root))
    for name, version in pinned(root / "function" / "requirements.txt"):
        files.update(_installed(name, version))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            archive.writestr(entry, content)
    content = buffer.getvalue()
    return Bundle(content=content, digest=hashlib.sha256(content).hexdigest())


def write_bundle(bundle: Bundle, folder: Path = ROOT / "dist") -> Path:
    """Write the artifact to `<folder>/<digest>.zip` and return that path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{bundle.digest}.zip"
    path.write_bytes(bundle.content)
    return path


def pinned(requirements: Path) -> list[tuple[str, str]]:
    """Return name and version of every pin in a requirements file."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    pins = [_PIN.match(line) for line in lines]
    return sorted((pin["name"], pin["version"]) for pin in pins if pin)


def _sources(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in (root / "function").rglob("*.py"):
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _installed(name: str, version: str) -> Iterator[tuple[str, bytes]]:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise BundleError(f"{name} is not installed; run: pulumi install") from None
    if found.version != version:
        raise BundleError(
            f"{name} {found.version} is installed, function/requirements.txt pins {version}; "
            "run: pulumi install"
        )
    for path in found.files or ():
        if _belongs(path):
            yield path.as_posix(), _verified(found, path)


def _belongs(path: PackagePath) -> bool:
    if path.parts[0].endswith(".dist-info"):
        return path.name.startswith("LICENSE")
    return path.suffix == ".py" and ".." not in path.parts and not _UNUSED.match(path.as_posix())


def _verified(found: Distribution, path: PackagePath) -> bytes:
    content = path.read_binary()
    digest = hashlib.sha256(content).digest()
    listed = path.hash.value if path.hash is not None else ""
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != listed:
        raise BundleError(
            f"{found.name}: {path} differs from its wheel; delete the virtual environment and run: "
            "pulumi install"
        )
    return content


if __name__ == "__main__":
    print(write_bundle(build_bundle()))  # noqa: T201 - the path is this command's result
