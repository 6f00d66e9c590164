"""What a probe found: its status, a sentence, and facts for a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.verification.disclosure import Fact, Private, Public, Sentence, public_or

Facts = Mapping[str, Fact]

# The error codes with which the services of AWS say that a permission is missing.
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class Status(StrEnum):
    """The result of a probe."""

    PASS = "pass"  # noqa: S105 - a word of the report
    FAIL = "fail"
    # It could not be asked here; the sentence says why.
    SKIPPED = "skipped"
    # A question to AWS that has no right answer; the facts hold the one that was given.
    ANSWERED = "answered"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a probe found.

    Attributes:
        status: The result.
        sentence: What was found, and what was expected.
        facts: The same for a program, by name in camelCase.
    """

    status: Status
    sentence: Sentence
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """A probe that has ended.

    Attributes:
        name: The probe.
        finding: What it found.
        seconds: How long it took.
    """

    name: str
    finding: Finding
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Something that has an expected value.

    Attributes:
        name: What it is, a literal of this package.
        found: What it is now.
        expected: What it is to be.
    """

    name: str
    found: Fact
    expected: Fact


def passed(template: str, facts: Facts | None = None, **values: Fact) -> Finding:
    """Return the finding that everything is as expected."""
    return _finding(Status.PASS, template, facts, values)


def failed(template: str, facts: Facts | None = None, **values: Fact) -> Finding:
    """Return the finding that something is not as expected."""
    return _finding(Status.FAIL, template, facts, values)


def skipped(template: str, facts: Facts | None = None, **values: Fact) -> Finding:
    """Return the finding that nothing could be found, and why."""
    return _finding(Status.SKIPPED, template, facts, values)


def answered(template: str, facts: Facts | None = None, **values: Fact) -> Finding:
    """Return an answer of AWS to an open question."""
    return _finding(Status.ANSWERED, template, facts, values)


def compare(
    subject: str, comparisons: Sequence[Comparison], facts: Facts | None = None, **values: Fact
) -> Finding:
    """Return `pass` if every comparison holds, else `fail` with those that do not.

    Args:
        subject: What is compared; a template for `values`.
        comparisons: What has an expected value.
        facts: For the report.
        values: The values in `subject`.
    """
    differences = [one for one in comparisons if one.found != one.expected]
    if not differences:
        names = ", ".join(one.name for one in comparisons)
        return passed(f"{subject}: {names} as configured", facts, **values)
    parts = []
    for number, one in enumerate(differences):
        parts.append(f"{one.name} is {{found{number}}}, expected {{expected{number}}}")
        values |= {f"found{number}": one.found, f"expected{number}": one.expected}
    return failed(f"{subject}: {'; '.join(parts)}", facts, **values)


def is_denied(error: ClientError) -> bool:
    """Return whether an answer of AWS says that a permission is missing."""
    return error_code(error) in _DENIED


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return the code of an answer of AWS, or the name of botocore's exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def error_finding(status: Status, error: ClientError | BotoCoreError, prefix: str = "") -> Finding:
    """Return the finding that AWS answered with an error, or that a request was not sent.

    Args:
        status: The result.
        error: The answer.
        prefix: What comes before it in the sentence, a literal of this package.
    """
    operation = error.operation_name if isinstance(error, ClientError) else "request"
    values: dict[str, Fact] = {
        "operation": Public(operation),
        "code": public_or("code", error_code(error)),
        "text": Private("text", str(error)),
    }
    return _finding(status, f"{prefix}{{operation}} answered {{code}}: {{text}}", None, values)


def _finding(
    status: Status, template: str, facts: Facts | None, values: Mapping[str, Fact]
) -> Finding:
    return Finding(
        status=status, sentence=Sentence(template=template, values=values), facts=facts or {}
    )
