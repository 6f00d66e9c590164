"""Reads a stack's configuration option by option, and reports all of its problems at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any, Final

import pulumi

from infra.names import PROJECT, Location
from infra.partitions import PARTITIONS, partition_of

# Returns a value as the engine hands it over: `namespace:key` to text, lists as JSON.
Getter = Callable[[str], str | None]

_ACCOUNT: Final = re.compile(r"\d{12}")

_SERVICE: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
_PRINCIPAL_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/\S+)"
)

# A role or a pattern of roles: of one account, and with the beginning of a name or path. Anything
# wider hands out the roles of administrators, or of other accounts.
ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[^*?\s]\S*")
EXPECTED_ROLE_ARN: Final = "a role ARN of one account, with * where the end of the name varies"


def is_principal(text: str) -> bool:
    """Return whether `text` is a principal of a policy: an account, a role or a user."""
    return bool(_ACCOUNT.fullmatch(text) or _PRINCIPAL_ARN.fullmatch(text))


def is_service(text: str) -> bool:
    """Return whether `text` names an AWS service, as `events.amazonaws.com` does."""
    return _SERVICE.fullmatch(text) is not None


class ConfigError(pulumi.RunError):
    """A stack's configuration is invalid; the engine prints the text without a traceback.

    Attributes:
        problems: One line per problem: key, what was found, what is expected or how to fix it.
    """

    def __init__(self, stack: str, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"Pulumi.{stack}.yaml is invalid:\n{lines}")


class Reader:
    """Reads options and collects their problems instead of stopping at the first.

    Attributes:
        stack: The stack's name.
        expected: What was accepted for each option that was read, in words.
        problems: What is wrong, one line per problem.
    """

    def __init__(self, stack: str, get: Getter) -> None:
        self.stack = stack
        self.expected: dict[str, str] = {}
        self.problems: list[str] = []
        self._get = get

    def problem(self, key: str, found: str, fix: str) -> None:
        """Add a problem: what was found at `key`, and what is expected or how to fix it."""
        self.problems.append(f"{key}: {found}; {fix}")

    def set_command(self, key: str, value: str) -> str:
        """Return the command that sets `key`, as part of a fix."""
        path = "--path " if "[" in key else ""
        return f"run: pulumi config set {path}'{key}' {value} -s {self.stack}"

    def text(
        self, option: str, accepts: Callable[[str], object], what: str, *, fix: str = ""
    ) -> str:
        """Read a text.

        Args:
            option: The option's name, without a namespace.
            accepts: Returns something true for a valid text.
            what: Describes a valid text.
            fix: The fix where the text is empty; without one it may be empty.
        """
        self.expected[option] = what
        key = f"{PROJECT}:{option}"
        text = self._get(key) or ""
        if not text:
            if fix:
                self.problem(key, "is missing", fix)
        elif not accepts(text):
            self.problem(key, f"found {text!r}", f"expected {what}")
        return text

    def integer(self, option: str, allowed: Collection[int], unit: str) -> int:
        """Read a number, in `unit`, that must be one of `allowed`."""
        span = (
            f"{allowed.start} to {allowed.stop - 1}"
            if isinstance(allowed, range)
            else ", ".join(map(str, allowed))
        )
        self.expected[option] = f"{span} {unit}"
        key = f"{PROJECT}:{option}"
        text = self._get(key) or ""
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number not in allowed:
            found = f"found {text!r}" if text else "is missing"
            self.problem(key, found, f"expected {span} {unit}")
            return next(iter(allowed))
        return number

    def boolean(self, option: str) -> bool:
        """Read true or false."""
        self.expected[option] = "true or false"
        key = f"{PROJECT}:{option}"
        text = self._get(key) or ""
        if text not in ("true", "false"):
            self.problem(key, f"found {text!r}", "expected true or false")
        return text == "true"

    def strings(
        self, option: str, accepts: Callable[[str], object], what: str, *, example: str = ""
    ) -> tuple[str, ...]:
        """Read a list.

        Args:
            option: The option's name, without a namespace.
            accepts: Returns something true for a valid item.
            what: Describes a valid item.
            example: An item to name in the fix where the list is empty; without one it may be
                empty.
        """
        self.expected[option] = what
        key = f"{PROJECT}:{option}"
        items = self._list(key)
        if not items and example:
            self.problem(key, "is missing", self.set_command(f"{key}[0]", example))
        for position, item in enumerate(items):
            if not isinstance(item, str) or not accepts(item):
                self.problem(f"{key}[{position}]", f"found {item!r}", f"expected {what}")
        return tuple(str(item) for item in items)

    def _list(self, key: str) -> list[Any]:
        text = self._get(key) or "[]"
        try:
            items = json.loads(text)
        except json.JSONDecodeError:
            items = None
        if not isinstance(items, list):
            self.problem(key, f"found {text!r}", "expected a list")
            return []
        return items

    def replaced(self, option: str, new: str) -> None:
        """Report an option that others have replaced, if it is set."""
        key = f"{PROJECT}:{option}"
        if (found := self._get(key)) is not None:
            self.problem(
                key,
                f"found {found}",
                f"it was replaced by {new}; move each value to its list, and run: "
                f"pulumi config rm '{key}' -s {self.stack}",
            )

    def location(self) -> Location:
        """Read the one account that the stack may change, and its region."""
        accounts = [str(account) for account in self._list("aws:allowedAccountIds")]
        if len(accounts) != 1 or not _ACCOUNT.fullmatch(accounts[0]):
            self.problem(
                "aws:allowedAccountIds",
                f"found {accounts!r}",
                "expected exactly one account id of twelve digits (in quotes, or YAML reads a "
                "number); " + self.set_command("aws:allowedAccountIds[0]", "111111111111"),
            )
            accounts = ["000000000000"]
        region = self._get("aws:region") or ""
        partition = partition_of(region)
        if not region:
            self.problem("aws:region", "is missing", self.set_command("aws:region", "eu-central-1"))
        elif partition is None:
            self.problem(
                "aws:region",
                f"found {region!r}",
                f"expected a region of one of the partitions {', '.join(PARTITIONS)}",
            )
        return Location(account=accounts[0], region=region, partition=partition or "aws")

    def done(self) -> None:
        """Raise the problems, if there are any.

        Raises:
            ConfigError: if a problem was found.
        """
        if self.problems:
            raise ConfigError(self.stack, self.problems)
