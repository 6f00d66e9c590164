"""Keys of the objects in an artifact bucket, the same in every account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

# What a stage built, written by its deployment. The manifest may be replaced.
BUILDS: Final = "builds"

# What was promoted to the account, or deployed again there. Each object is written once.
ARTIFACTS: Final = "artifacts"

# The records of promotions and rollbacks, by stage. Each object is written once.
PROMOTIONS: Final = "promotions"

# Digits of a digest that are enough to recognize it in the key of a record.
_SHORT_DIGEST_LENGTH: Final = 12


def artifact_object_key(folder: str, digest: str) -> str:
    """Return the key of the artifact `digest` in `BUILDS` or `ARTIFACTS`."""
    return f"{folder}/{digest}.zip"


def manifest_object_key(folder: str, digest: str) -> str:
    """Return the key of the manifest of `digest` in `BUILDS` or `ARTIFACTS`."""
    return f"{folder}/{digest}.json"


def contents_object_key(folder: str, digest: str) -> str:
    """Return the key of the bill of materials of `digest` in `BUILDS`."""
    return f"{folder}/{digest}.cdx.json"


def record_prefix(stage: str) -> str:
    """Return what the keys of a stage's records begin with."""
    return f"{PROMOTIONS}/{stage}/"


def record_object_key(stage: str, digest: str, time: datetime) -> str:
    """Return the key of a new record; in alphabetical order the keys are in order of time.

    Args:
        stage: The stage that was deployed.
        digest: The artifact that it runs now.
        time: When, in UTC.
    """
    return f"{record_prefix(stage)}{time:%Y%m%dT%H%M%S.%fZ}{record_suffix(digest)}"


def record_suffix(digest: str) -> str:
    """Return what the keys of the records of an artifact end in."""
    return f"-{digest[:_SHORT_DIGEST_LENGTH]}.json"
