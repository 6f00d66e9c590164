"""Reads a stack's configuration value by value, and reports everything that is wrong at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any

import pulumi

from infra.names import PROJECT, Location, partition_of

# Looks a value up as the engine does: `namespace:key` to text, lists as JSON.
Getter = Callable[[str], str | None]

_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class ConfigError(pulumi.RunError):
    """What is wrong with a stack's configuration; the engine prints it without a traceback."""

    def __init__(self, stack: str, problems: Collection[str]) -> None:
        """Name the stack's file once, and every problem on a line of its own."""
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"Pulumi.{stack}.yaml cannot be used:\n{lines}")


class Reader:
    """Reads values key by key, and collects what is wrong instead of stopping at the first."""

    def __init__(self, stack: str, get: Getter) -> None:
        """Read the configuration of `stack` by `get`."""
        self.stack = stack
        self.problems: list[str] = []
        self._get = get

    def problem(self, key: str, found: str, fix: str) -> None:
        """Note what was found at `key`, and what to do about it."""
        self.problems.append(f"{key}: {found}; {fix}")

    def set_command(self, key: str, value: str) -> str:
        """Return the command that sets `key`, as part of a fix."""
        path = "--path " if "[" in key else ""
        return f"run: pulumi config set {path}'{key}' {value} -s {self.stack}"

    def text(self, key: str) -> str:
        """Read a text; a key that is not set is the empty text."""
        return self._get(f"{PROJECT}:{key}") or ""

    def integer(self, key: str, allowed: Collection[int], unit: str) -> int:
        """Read a number that must be one of `allowed`."""
        text = self.text(key)
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number not in allowed:
            span = (
                f"{allowed.start} to {allowed.stop - 1}"
                if isinstance(allowed, range)
                else ", ".join(map(str, allowed))
            )
            found = f"found {text!r}" if text else "is missing"
            self.problem(f"{PROJECT}:{key}", found, f"allowed are {span} {unit}")
            return next(iter(allowed))
        return number

    def boolean(self, key: str) -> bool:
        """Read true or false."""
        text = self.text(key)
        if text not in ("true", "false"):
            self.problem(f"{PROJECT}:{key}", f"found {text!r}", "allowed are true and false")
        return text == "true"

    def strings(
        self, key: str, accepts: Callable[[str], object], what: str, *, example: str = ""
    ) -> tuple[str, ...]:
        """Read a list; `example` makes it one that must not be empty."""
        name = f"{PROJECT}:{key}"
        items = self._list(name)
        if not items and example:
            self.problem(name, "is missing", self.set_command(f"{name}[0]", example))
        for position, item in enumerate(items):
            if not isinstance(item, str) or not accepts(item):
                self.problem(f"{name}[{position}]", f"found {item!r}", f"expected {what}")
        return tuple(str(item) for item in items)

    def _list(self, name: str) -> list[Any]:
        text = self._get(name) or "[]"
        try:
            items = json.loads(text)
        except json.JSONDecodeError:
            items = None
        if not isinstance(items, list):
            self.problem(name, f"found {text!r}", "expected a list")
            return []
        return items

    def location(self) -> Location:
        """Read the only account that the stack may touch, and its region."""
        accounts = self._list("aws:allowedAccountIds")
        accounts = [str(account) for account in accounts]
        if len(accounts) != 1 or not _ACCOUNT.fullmatch(accounts[0]):
            self.problem(
                "aws:allowedAccountIds",
                f"found {accounts!r}",
                "a stack belongs to exactly one account of twelve digits (in quotes, or YAML "
                "reads a number); " + self.set_command("aws:allowedAccountIds[0]", "111111111111"),
            )
            accounts = ["000000000000"]
        region = self._get("aws:region") or ""
        if not _REGION.fullmatch(region):
            self.problem(
                "aws:region",
                f"found {region!r}" if region else "is missing",
                self.set_command("aws:region", "eu-central-1"),
            )
        return Location(account=accounts[0], region=region, partition=partition_of(region))

    def done(self) -> None:
        """Raise what was collected, if anything was.

        Raises:
            ConfigError: naming every key, what was found there, and what to do.
        """
        if self.problems:
            raise ConfigError(self.stack, self.problems)
