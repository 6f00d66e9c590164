"""The bill of materials of an artifact: what is in it, in CycloneDX's JSON.

It depends on the artifact alone, and has no time: the same artifact gives the same bytes. It is
written here and not by CycloneDX's library, because a deployment would need that and all of its
dependencies; a test checks it with the library.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import uuid
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, Final

from infra.bundle import ROOT, Bundle, BundleError, build_bundle, pinned, write_bundle
from infra.names import PROJECT

_SPECIFICATION: Final = "1.6"

# The licence of the handler itself.
_OWN_LICENCE: Final = "Apache-2.0"

Component = dict[str, Any]


def describe_contents(bundle: Bundle, root: Path = ROOT) -> str:
    """Return the bill of materials of an artifact that was just built from `root`, as JSON.

    Each file of the artifact is in it once, below the component that it comes from.
    """
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        files = {name: _file(name, archive.read(name)) for name in archive.namelist()}
    libraries = []
    for name, version in pinned(root / "function" / "requirements.txt"):
        found = distribution(name)
        paths = sorted({path.as_posix() for path in found.files or ()} & files.keys())
        libraries.append(
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{name}@{version}",
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name}@{version}",
                "licenses": _licences(_licence(found)),
                "components": [files.pop(path) for path in paths],
            }
        )
    artifact = {
        "type": "application",
        "bom-ref": PROJECT,
        "name": PROJECT,
        "version": bundle.digest,
        "hashes": _hashes(bundle.content),
        "licenses": _licences(_OWN_LICENCE),
        # What no library brought is the handler's own.
        "components": [files[path] for path in sorted(files)],
    }
    references = [library["bom-ref"] for library in libraries]
    contents = {
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, bundle.digest)}",
        "version": 1,
        "metadata": {"component": artifact},
        "components": libraries,
        "dependencies": [
            {"ref": PROJECT, "dependsOn": references},
            *({"ref": reference} for reference in references),
        ],
    }
    return json.dumps(contents, indent=2) + "\n"


def write_contents(bundle: Bundle, folder: Path = ROOT / "dist") -> Path:
    """Write the bill of materials to `<folder>/<digest>.cdx.json` and return that path."""
    path = folder / f"{bundle.digest}.cdx.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(describe_contents(bundle), encoding="utf-8")
    return path


def _file(name: str, content: bytes) -> Component:
    return {"type": "file", "bom-ref": name, "name": name, "hashes": _hashes(content)}


def _hashes(content: bytes) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}]


def _licence(found: Distribution) -> str:
    """Return the licence that a library's metadata name, in the newer field or the older one.

    Raises:
        BundleError: if they name none.
    """
    for field in ("License-Expression", "License"):
        for licence in found.metadata.get_all(field) or ():
            return str(licence)
    raise BundleError(
        f"{found.name} names no licence in its metadata; expected License-Expression or License"
    )


def _licences(expression: str) -> list[dict[str, Any]]:
    """Return a licence in CycloneDX's form: an id of SPDX, or an expression of several."""
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


if __name__ == "__main__":
    built = build_bundle()
    target = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "dist"
    print(write_bundle(built, target), write_contents(built, target), sep="\n")  # noqa: T201 - the paths are this command's result
