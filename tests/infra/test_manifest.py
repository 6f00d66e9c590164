"""A manifest depends on the artifact's sources and their history, and on nothing else."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from infra.manifest import Manifest, describe
from tests.checkouts import change, commit, git, make_checkout

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "d" * 64


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a git checkout with the artifact's sources, committed."""
    return make_checkout(tmp_path)


def test_an_unrelated_commit_does_not_change_the_manifest(checkout: Path) -> None:
    before = describe(DIGEST, checkout).as_json()
    (checkout / "README.md").write_text("unrelated", encoding="utf-8")
    commit(checkout, "unrelated")
    (checkout / "notes.txt").write_text("not committed", encoding="utf-8")
    assert describe(DIGEST, checkout).as_json() == before


def test_commit_and_time_are_of_the_last_change_of_the_sources(checkout: Path) -> None:
    change(checkout, "function/handler.py")
    last = commit(checkout, "changed")
    (checkout / "README.md").write_text("unrelated", encoding="utf-8")
    commit(checkout, "unrelated")
    manifest = describe(DIGEST, checkout)
    assert (manifest.commit, manifest.dirty) == (last, False)
    assert manifest.time == "2026-11-20T11:00:00+00:00"
    assert datetime.fromisoformat(manifest.time).utcoffset() is not None


@pytest.mark.parametrize(
    "path",
    ["function/handler.py", "function/requirements.txt", "function/new.py", "infra/bundle.py"],
)
def test_uncommitted_sources_are_dirty_until_they_are_committed(checkout: Path, path: str) -> None:
    change(checkout, path)
    assert describe(DIGEST, checkout).dirty is True
    last = commit(checkout, "as they are")
    manifest = describe(DIGEST, checkout)
    assert (manifest.commit, manifest.dirty) == (last, False)


def test_outside_of_git_a_manifest_is_dirty_and_stable(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    manifest = describe(DIGEST, checkout)
    assert (manifest.commit, manifest.time, manifest.dirty) == ("", "", True)
    assert manifest.as_json() == describe(DIGEST, checkout).as_json()


def test_without_git_a_manifest_is_dirty(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    manifest = describe(DIGEST, checkout)
    assert (manifest.commit, manifest.dirty) == ("", True)


def test_sources_that_were_never_committed_are_dirty(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    git(checkout, "init", "--quiet")
    assert describe(DIGEST, checkout).dirty is True


def test_a_manifest_survives_json(checkout: Path) -> None:
    manifest = describe(DIGEST, checkout)
    assert Manifest.from_json(manifest.as_json()) == manifest
    assert manifest.dependencies["aws-lambda-powertools"]


VALID: dict[str, Any] = {
    "digest": DIGEST,
    "commit": "c" * 40,
    "dirty": False,
    "time": "2026-11-20T11:00:00+00:00",
    "dependencies": {"jmespath": "1.0.1"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not JSON: "),
        ("[1]", "expected a JSON object, found [1]"),
        (json.dumps({**VALID, "dirty": "false"}), 'dirty: expected true or false, found "false"'),
        (json.dumps({**VALID, "dirty": 0}), "dirty: expected true or false, found 0"),
        (json.dumps({**VALID, "commit": None}), "commit: expected a string, found null"),
        (
            json.dumps({**VALID, "dependencies": {"jmespath": 1}}),
            'dependencies: expected an object of strings, found {"jmespath": 1}',
        ),
        (json.dumps({"digest": DIGEST}), "commit: is missing; expected a string"),
        (json.dumps({**VALID, "python": "3.13"}), '"python" is unknown; expected digest, commit, '),
        (
            json.dumps({**VALID, "digest": "../promotions/prod"}),
            'digest: expected a SHA-256 in 64 hexadecimal digits, found "../promotions/prod"',
        ),
        (json.dumps({**VALID, "digest": "D" * 64}), "digest: expected a SHA-256"),
        (json.dumps({**VALID, "digest": DIGEST + "\n"}), "digest: expected a SHA-256"),
        (
            json.dumps({**VALID, "commit": "\x1b]0;owned\x07"}),
            'commit: expected a git commit in hexadecimal digits, found "\\u001b]0;owned\\u0007"',
        ),
        (json.dumps({**VALID, "commit": "--output=/tmp/x"}), "commit: expected a git commit"),
        (json.dumps({**VALID, "commit": "main"}), "commit: expected a git commit"),
        (
            json.dumps({**VALID, "commit": ""}),
            "dirty: expected true where commit is empty, found false",
        ),
        (json.dumps({**VALID, "time": "yesterday"}), "time: expected a time in UTC such as"),
        (
            json.dumps({**VALID, "time": "2026-11-20T11:00:0\u0660+00:00"}),
            "time: expected a time in UTC such as",
        ),
        (
            json.dumps({**VALID, "dependencies": {"jmespath": "1\x1b[2J"}}),
            'dependencies.jmespath: expected a version, found "1\\u001b[2J"',
        ),
        (
            json.dumps({**VALID, "dependencies": {"\u202e": "1"}}),
            'dependencies: expected names of packages, found "\\u202e"',
        ),
        (
            json.dumps({**VALID, "dependencies": {f"a{number}": "1" for number in range(201)}}),
            "dependencies: expected at most 200, found 201",
        ),
        (
            json.dumps({**VALID, "dependencies": {"a": "1" * 70_000}}),
            "expected at most 65536 bytes, found ",
        ),
        ("[" * 60_000, "not JSON: "),
    ],
)
def test_what_is_not_a_manifest_is_refused_by_field(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        Manifest.from_json(text)
