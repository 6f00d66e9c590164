"""What the command line changes in each message: `--set`, `--env` and `--command`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from function.message import forms
from function.message.parsing import WRAPPER
from runtask.errors import UsageError
from runtask.input.documents import Document, as_body
from runtask.input.origin import parse_path, shown_path
from runtask.input.shapes import takes_text, typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtask.input.origin import Path

_PATH: Final = re.compile(r"[^.\[\]=]+(\.[^.\[\]=]+|\[\d+\])*")
_CONTAINERS: Final = "containerOverrides"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Changes of every message.

    Attributes:
        values: A path in the message, and the value there.
        environment: Variables of the container, by name.
        command: The command of the container; None for the message's own.
        container: The container that variables and command are for; None for the only one that the
            message overrides.
    """

    values: tuple[tuple[Path, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] | None = None
    container: str | None = None

    def __bool__(self) -> bool:
        """Return whether there is anything to change."""
        return bool(self.values or self.environment or self.command is not None)

    def applied(self, document: Document) -> Document:
        """Return a message with the changes.

        Raises:
            UsageError: if it has no place for one.
        """
        if not self:
            return document
        value = document.value()
        if not isinstance(value, dict) or not isinstance(value.get(WRAPPER, {}), dict):
            raise UsageError(f"{document.origin}: expected an object; nothing can be set in it")
        changed: list[tuple[Path, str]] = []
        for path, text in self.values:
            option = f"--set {shown_path(path)}"
            place = _placed(path, value)
            _set(value, place, text if takes_text(place) else typed(text), option)
            changed.append(((WRAPPER, *_without_wrapper(path)), option))
        if self.environment or self.command is not None:
            where, container = self._container(value, document)
            if self.command is not None:
                container["command"] = list(self.command)
                changed.append(((*where, "command"), "--command"))
            for name, text in self.environment:
                position = _set_variable(container, name, text)
                changed.append(((*where, "environment", position), f"--env {name}"))
        origin = replace(document.origin, changed=tuple(changed))
        return Document(origin=origin, body=as_body(value, origin))

    def _container(self, value: dict[str, Any], document: Document) -> tuple[Path, dict[str, Any]]:
        """Return where variables and command belong."""
        content = value.get(WRAPPER, value)
        if forms.is_flat(content):
            if self.container is not None:
                content["container_name"] = self.container
            return (WRAPPER,), content
        overrides = content.setdefault("overrides", {})
        found = overrides.setdefault(_CONTAINERS, []) if isinstance(overrides, dict) else None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise UsageError(
                f"{document.origin}: overrides.{_CONTAINERS}: expected a list of objects"
            )
        where = (WRAPPER, "overrides", _CONTAINERS)
        if self.container is None:
            if len(found) > 1:
                names = ", ".join(str(one.get("name")) for one in found)
                raise UsageError(
                    f"{document.origin}: overrides {len(found)} containers ({names}); name the one "
                    "that --env and --command are for with --container NAME"
                )
            if not found:
                found.append({})
            return (*where, 0), found[0]
        for position, one in enumerate(found):
            if one.get("name") == self.container:
                return (*where, position), one
        found.append({"name": self.container})
        return (*where, len(found) - 1), found[-1]


def read_settings(
    values: Iterable[str],
    environment: Iterable[str],
    command: tuple[str, ...] | None,
    container: str | None,
) -> Settings:
    """Read the options of the command line.

    Args:
        values: Each `PATH=VALUE`.
        environment: Each `NAME=VALUE`.
        command: The words of the command; None without.
        container: The name of the container; None for the only one.

    Raises:
        UsageError: naming the option that cannot be read.
    """
    paths = []
    for text in values:
        path, equals, value = text.partition("=")
        if not equals or not _PATH.fullmatch(path):
            raise UsageError(
                f"--set {text}: expected PATH=VALUE, such as ECS.overrides.cpu=1024 or "
                "ECS.overrides.containerOverrides[0].memory=512"
            )
        paths.append((parse_path(path), value))
    variables = []
    for text in environment:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--env {text}: expected NAME=VALUE")
        variables.append((name, value))
    if container is not None and not variables and command is None:
        raise UsageError(f"--container {container}: is for --env and --command; add one of them")
    return Settings(
        values=tuple(paths), environment=tuple(variables), command=command, container=container
    )


def _without_wrapper(path: Path) -> Path:
    return path[1:] if path[0] == WRAPPER else path


def _placed(path: Path, value: dict[str, Any]) -> Path:
    """Return a path as the message has it, with its wrapper or without."""
    path = _without_wrapper(path)
    return (WRAPPER, *path) if WRAPPER in value or not value else path


def _set(value: Any, path: Path, new: object, option: str) -> None:  # noqa: ANN401 - JSON
    """Set a value at a path; objects and items on the way there are added."""
    for step, following in zip(path, (*path[1:], None), strict=True):
        if isinstance(step, str) and isinstance(value, dict):
            if following is not None and value.get(step) is None:
                value[step] = [] if isinstance(following, int) else {}
        elif isinstance(step, int) and isinstance(value, list) and step <= len(value):
            if step == len(value):
                value.append([] if isinstance(following, int) else {})
        else:
            found = f"a list of {len(value)}" if isinstance(value, list) else "another value"
            raise UsageError(f"{option}: {step} is not there: found {found}")
        if following is None:
            value[step] = new
        else:
            value = value[step]


def _set_variable(container: dict[str, Any], name: str, text: str) -> int:
    """Set a variable of a container, and return its position."""
    variables = container.get("environment")
    if not isinstance(variables, list):
        variables = container["environment"] = []
    for position, one in enumerate(variables):
        if isinstance(one, dict) and name in {one.get("name"), one.get("Name")}:
            variables[position] = {"name": name, "value": text}
            return position
    variables.append({"name": name, "value": text})
    return len(variables) - 1
