"""The record of a promotion or a rollback."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Self

from infra.json_object import COMMIT, SHA256, TIME, check_text, quoted, read_object
from infra.names import is_stage_name

# Bytes of a record: more than any that is written here.
MAX_RECORD_BYTES: Final = 8_192

# An ARN of a principal. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ARN: Final = re.compile(r"arn:[!-~]{1,500}")


class Change(StrEnum):
    """What a promotion or a rollback changed.

    Attributes:
        ARTIFACT: The artifact, and possibly the configuration.
        CONFIGURATION: The stage's file or the program; the artifact stayed.
    """

    ARTIFACT = "artifact"
    CONFIGURATION = "configuration"


class Verification(StrEnum):
    """How it was verified that an artifact is what its commit builds.

    Attributes:
        REBUILT: It was rebuilt from the commit, with the same digest.
        RECORDED: A record of the stage says that it was, when it was promoted.
        NONE: Not at all: it was built from uncommitted changes, and accepted with `--allow-dirty`.
    """

    REBUILT = "rebuilt"
    RECORDED = "recorded"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The record of a promotion or a rollback, kept in the bucket of its stage.

    Attributes:
        digest: The artifact that was deployed.
        previous: The artifact that the stage ran before this one; empty if it ran none.
        source: The stage that the artifact came from; the stage itself for a rollback.
        commit: The git commit that the artifact was built from.
        verification: A `Verification`.
        change: A `Change`.
        time: When, in UTC, ISO 8601.
        by: The ARN of the role session that deployed.
    """

    digest: str
    previous: str
    source: str
    commit: str
    time: str
    by: str
    verification: str
    change: str

    def __post_init__(self) -> None:
        """Check the fields, whose text is shown to operators.

        Raises:
            ValueError: if a field has another form than it should.
        """
        check_text("digest", self.digest, SHA256, "a SHA-256 in 64 hexadecimal digits")
        if self.previous:
            check_text("previous", self.previous, SHA256, "a SHA-256 in 64 hexadecimal digits")
        if not is_stage_name(self.source):
            raise ValueError(f"source: expected a stage, found {quoted(self.source)}")
        check_text("commit", self.commit, COMMIT, "a git commit in hexadecimal digits")
        check_text("time", self.time, TIME, "a time in UTC such as 2026-11-20T11:00:00+00:00")
        check_text("by", self.by, _ARN, "the ARN of a principal")
        for field, value, kind in (
            ("verification", self.verification, Verification),
            ("change", self.change, Change),
        ):
            known = [str(one) for one in kind]
            if value not in known:
                raise ValueError(f"{field}: expected {', '.join(known)}, found {quoted(value)}")

    @property
    def verified(self) -> bool:
        """Whether the artifact was known to be what its commit builds."""
        return self.verification != Verification.NONE

    def as_json(self) -> str:
        """Return the record in the form in which it is stored."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the record that `text` contains.

        Raises:
            ValueError: if it is not a JSON object, or a field is missing or invalid.
        """
        return read_object(cls, text, closed=False)

    def __str__(self) -> str:
        """Return time and source, in one line of a table."""
        only = ", configuration only" if self.change == Change.CONFIGURATION else ""
        unverified = "" if self.verified else ", not verified"
        return f"{self.time} from {self.source}{only}{unverified}"
