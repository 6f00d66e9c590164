"""A release needs a version, a changelog section and a tag that agree."""

from __future__ import annotations

import pytest

from noxfile import release_notes

CHANGELOG = """# Changelog

## Unreleased

- Something new.

## 0.2.0 - 2026-12-01

- Faster.
- Smaller.

## 0.1.0 - 2026-11-24

"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert release_notes(CHANGELOG, "0.2.0", "v0.2.0") == "- Faster.\n- Smaller.\n"


def test_a_tag_of_another_version_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"the tag is v0\.3\.0, and pyproject\.toml has the version"
    ):
        release_notes(CHANGELOG, "0.2.0", "v0.3.0")


def test_a_version_without_a_section_is_refused() -> None:
    with pytest.raises(ValueError, match=r"CHANGELOG\.md has no section 0\.3\.0 with text"):
        release_notes(CHANGELOG, "0.3.0", "v0.3.0")


def test_an_empty_section_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no section 0\.1\.0 with text"):
        release_notes(CHANGELOG, "0.1.0", "v0.1.0")


def test_a_dry_run_takes_what_is_not_released_yet() -> None:
    assert release_notes(CHANGELOG, "0.3.0") == "- Something new.\n"
