"""The errors of a Pulumi command, without repetition and with the command that fixes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.names import BOOTSTRAP_SUFFIX, PROJECT
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pulumi.automation.errors import CommandError

# Lines of output that are quoted where no error is recognized.
_MAX_QUOTED_LINES: Final = 15

# Errors that only say that there was another one.
_CONSEQUENCES: Final = (
    "update failed",
    "preview failed",
    "an unhandled error occurred: program exited with non-zero exit code: 1",
)

# The AWS plugin logs each error of a resource before it returns it.
_LOGGED: Final = re.compile(r"\S+\.go:\d+: sdk\.helper_schema: ")

# It returns an error as a list, mostly of one item.
_LIST: Final = re.compile(r"\d+ errors? occurred:\s+\* ")

# What the CLI puts before an error of a preview.
_PREVIEW: Final = "Preview failed: "

# A resource with the option `protect`; Pulumi goes on to advise a change of program or state.
_PROTECTED: Final = re.compile(
    r'(unable to replace resource "\S+"\s+as it is currently marked for protection'
    r'|resource "\S+" cannot be deleted\s+because it is protected)\.'
)

# Errors of the CLI itself, such as a wrong passphrase: a line on stderr, and indented lines.
_CLI_ERROR: Final = re.compile(r"^error: (.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_STDERR: Final = "\n stderr: "


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """An error that the engine or the provider reported.

    Attributes:
        urn: The resource; empty for an error of the program or the engine.
        message: The text, of one line or several.
    """

    urn: str
    message: str

    @property
    def is_protection(self) -> bool:
        """Whether the resource would have been replaced or deleted, and is protected."""
        return _PROTECTED.match(self._text) is not None

    @property
    def _text(self) -> str:
        return _LIST.sub("", self.message.strip().removeprefix(_PREVIEW))

    def __str__(self) -> str:
        """Return type and name of the resource, and the error without Pulumi's advice."""
        text = self._text
        protected = _PROTECTED.match(text)
        if protected is not None:
            text = " ".join(protected[0].split())
        return f"{resource_of(self.urn)}: {text}" if self.urn else text


def resource_of(urn: str) -> str:
    """Return type and name of a resource, as in `sqs.Queue ecs-run-task-dev`.

    Args:
        urn: `urn:pulumi:STACK::PROJECT::PARENT$aws:sqs/queue:Queue::NAME`.
    """
    types, _, name = urn.split("::", 2)[-1].partition("::")
    package, _, member = types.rpartition("$")[2].partition(":")
    module, _, kind = member.partition(":")
    prefix = "" if package == "aws" else f"{package}:"
    return f"{prefix}{module.partition('/')[0]}.{kind} {name}"


def command_failed(
    what: str, stack: str, error: CommandError, diagnostics: Iterable[Diagnostic] = ()
) -> RuntaskError:
    """Return the error to report for a command that failed.

    Args:
        what: What could not be done.
        stack: The stack.
        error: The exit code and the output of the CLI.
        diagnostics: The errors that were reported while it ran.
    """
    found = [
        diagnostic
        for diagnostic in diagnostics
        if diagnostic.message.strip() not in _CONSEQUENCES
        and not _LOGGED.match(diagnostic.message.strip())
    ]
    texts = [str(diagnostic) for diagnostic in found]
    texts += _CLI_ERROR.findall(str(error).rpartition(_STDERR)[2])
    if not texts:
        texts = str(error).strip().splitlines()[-_MAX_QUOTED_LINES:]
    lines = [line for text in dict.fromkeys(texts) for line in text.splitlines()]
    if any(diagnostic.is_protection for diagnostic in found):
        lines += _unprotect(stack)
    return RuntaskError(f"{what}:\n  " + "\n  ".join(lines))


def _unprotect(stack: str) -> list[str]:
    first = (
        "1. Take the stages of the account away, and save the artifacts that are still needed."
        if stack.endswith(BOOTSTRAP_SUFFIX)
        else "1. Stop the senders, and drain the queues."
    )
    return [
        "A protected resource holds data, so it is neither replaced nor deleted. To give it up:",
        first,
        f"2. Run: pulumi config set {PROJECT}:protect false -s {stack}",
        f"3. Run: pulumi up -s {stack}",
        "4. Repeat this command, and set protect to true again.",
    ]
