"""Where a message was read: names the file and the line of each of its parameters.

A position is looked up only for an error, so a file of 100,000 messages is parsed once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode

from function.message.parsing import WRAPPER

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

# The steps of a path such as `overrides.containerOverrides[0].name`.
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

# What stands between two problems in the text of a failure: each begins with its path.
_BETWEEN_PROBLEMS: Final = re.compile(rf"; (?={WRAPPER}[^\s:]*: |and \d+ more$)")
_PROBLEM: Final = re.compile(rf"(?P<path>{WRAPPER}[^\s:]*): ")

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a message was read.

    Attributes:
        file: The file as the operator named it, or `stdin`.
        line: The line on which the message begins; None where the file has no other message.
        text: The text of the file.
        document: The number of the message in a text with several YAML documents.
        row: The row that filled the message in, as `rows.csv:12`.
        changed: The paths that an option of the command line set, and that option.
    """

    file: str
    line: int | None = None
    text: str = ""
    document: int = 0
    row: str | None = None
    changed: tuple[tuple[Path, str], ...] = ()

    def __str__(self) -> str:
        """Name the message: the row that made it, or the file, with the line if it has several."""
        if self.row is not None:
            return self.row
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def at_row(self, row: str) -> Origin:
        """Return the origin of a message that a row filled in."""
        return replace(self, row=row)

    def at(self, path: Path) -> str:
        """Return file and line of a parameter, or the option that set it."""
        for changed, option in self.changed:
            if path[: len(changed)] == changed:
                return self._with_row(option)
        line = self._line(path)
        return self._with_row(self.file if line is None else f"{self.file}:{line}")

    def problems(self, error: str) -> list[str]:
        """Return each problem in the text of a failure, with file and line in front of it."""
        found = []
        for problem in _BETWEEN_PROBLEMS.split(error):
            named = _PROBLEM.match(problem)
            where = self.at(parse_path(named["path"]) if named else ())
            found.append(f"{where}: {problem}")
        return found

    def _with_row(self, where: str) -> str:
        return where if self.row is None else f"{where} ({self.row})"

    def _line(self, path: Path) -> int | None:
        try:
            # JSON is YAML, except for tabs between its values; inside of them there are none.
            documents = YAML(typ="safe", pure=True).compose_all(self.text.replace("\t", " "))
            node = next(islice(documents, self.document, None), None)
        except (YAMLError, ValueError, RecursionError):
            return self.line
        if node is None or not path:
            return self.line
        line = _line_of(node, path)
        # JSON lines: the text is one line of the file.
        return line if self.line is None or self.document or line > 1 else max(line, self.line)


def parse_path(text: str) -> Path:
    """Return the steps of a path such as `overrides.containerOverrides[0].name`."""
    return tuple(
        int(found[2]) if found[2] is not None else found[1] for found in _STEP.finditer(text)
    )


def shown_path(path: Path) -> str:
    """Return a path as it is written."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _line_of(node: Node, path: Path) -> int:
    """Return the line of a parameter, or of the deepest one around it that is there."""
    line: int = node.start_mark.line + 1
    steps = list(path)
    if isinstance(node, MappingNode) and steps[0] == WRAPPER and _entry(node, WRAPPER) is None:
        steps.pop(0)  # the wrapper may be left out
    for step in steps:
        if isinstance(node, MappingNode):
            entry = _entry(node, str(step))
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _entry(node: MappingNode, name: str) -> tuple[Node, Node] | None:
    """Return name and value of a member; the flat form writes some names with a capital."""
    for key, value in node.value:
        if str(key.value).lower() == name.lower():
            return key, value
    return None
