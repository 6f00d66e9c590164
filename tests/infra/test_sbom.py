"""The bill of materials says what is in the artifact, and under which licences."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.bundle import ROOT, Bundle, build_bundle, pinned
from infra.sbom import describe_contents, write_contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Licences that let the artifact be used and passed on without an obligation but the notice, which
# is in the artifact. Another one needs a judgement before it goes here.
ALLOWED_LICENCES: Final = {"Apache-2.0", "BSD-3-Clause", "MIT", "MIT-0", "PSF-2.0"}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return build_bundle()


@pytest.fixture(scope="module")
def contents(bundle: Bundle) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(describe_contents(bundle))
    return parsed


def components(contents: dict[str, Any]) -> list[dict[str, Any]]:
    return [contents["metadata"]["component"], *contents["components"]]


def files(contents: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for component in components(contents):
        yield from component["components"]


def licences(component: dict[str, Any]) -> set[str]:
    return {
        one["license"]["id"] if "license" in one else one["expression"]
        for one in component["licenses"]
    }


def test_it_is_valid_cyclonedx(bundle: Bundle) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(describe_contents(bundle)) is None


def test_it_names_the_artifact_by_its_digest(bundle: Bundle, contents: dict[str, Any]) -> None:
    artifact = contents["metadata"]["component"]
    assert artifact["hashes"] == [{"alg": "SHA-256", "content": bundle.digest}]


def test_it_has_every_file_of_the_artifact_once(bundle: Bundle, contents: dict[str, Any]) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        expected = {
            name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()
        }
    found = [(one["name"], one["hashes"][0]["content"]) for one in files(contents)]
    assert sorted(found) == sorted(expected.items())


def test_a_file_belongs_to_what_brought_it(contents: dict[str, Any]) -> None:
    artifact, *libraries = components(contents)
    assert all(one["name"].startswith("function/") for one in artifact["components"])
    assert all(library["components"] for library in libraries)


def test_it_has_the_pinned_libraries(contents: dict[str, Any]) -> None:
    found = [(one["name"], one["version"]) for one in contents["components"]]
    assert found == pinned(ROOT / "function" / "requirements.txt")


def test_every_licence_of_what_is_bundled_is_allowed(contents: dict[str, Any]) -> None:
    for component in components(contents):
        assert licences(component) <= ALLOWED_LICENCES, component["name"]


def test_every_library_brings_the_text_of_its_licence(contents: dict[str, Any]) -> None:
    for library in contents["components"]:
        assert [one for one in library["components"] if "LICENSE" in one["name"]], library["name"]


def test_the_same_artifact_has_the_same_bill(bundle: Bundle, tmp_path: Path) -> None:
    first = write_contents(bundle, tmp_path).read_bytes()
    assert write_contents(build_bundle(), tmp_path).read_bytes() == first
    assert bundle.digest in next(tmp_path.iterdir()).name


def test_it_has_no_time_and_no_random_number(contents: dict[str, Any]) -> None:
    assert "timestamp" not in contents["metadata"]
    assert contents["serialNumber"].startswith("urn:uuid:")
