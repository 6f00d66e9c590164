"""Reads message files: JSON, JSON lines, YAML with one message or several, and Python literals."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from function.failures.reasons import PermanentFailure
from function.limits import MAX_MESSAGE_BYTES
from function.message import parsing
from runtask.errors import UsageError
from runtask.input.origin import Origin, shown_path
from runtask.input.origin import Path as Place

STDIN: Final = "-"

_JSON_LINES: Final = (".jsonl", ".ndjson")
_JSON: Final = ".json"

# YAML can write a value that is many times as large as its text.
_MAX_VALUES: Final = MAX_MESSAGE_BYTES

# Characters that no message of SQS may have, and halves of characters that UTF-8 cannot encode.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_UNSENDABLE: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class Document:
    """One message of a file.

    Attributes:
        origin: Where it was read.
        body: The body that the handler receives.
    """

    origin: Origin
    body: str

    def value(self) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return the value that the body holds, as a new object.

        Raises:
            UsageError: if it holds none.
        """
        try:
            return parsing.load(self.body, python_literals=True)
        except PermanentFailure as failure:
            raise UsageError(f"{self.origin}: {failure.error}") from None


def read_documents(path: str) -> list[Document]:
    """Read the messages of a file.

    Args:
        path: The file, or `-` for standard input.

    Raises:
        UsageError: if it cannot be read, or has no message.
    """
    text = read_text(path)
    name = shown_name(path)
    if not text.strip():
        raise UsageError(f"{name}: no message in it; expected JSON, JSON lines or YAML")
    suffix = Path(path).suffix.lower()
    if suffix in _JSON_LINES:
        return _json_lines(name, text)
    if _is_body(text):
        return [Document(origin=Origin(file=name, text=text), body=sendable(text))]
    if (found := _several_lines(name, text)) is not None:
        return found
    if suffix == _JSON:
        raise UsageError(f"{name}{_json_problem(text)}")
    return _yaml(name, text)


def read_text(path: str) -> str:
    """Return the text of a file, or of standard input.

    Raises:
        UsageError: if it cannot be read, or is not text.
    """
    name = shown_name(path)
    try:
        content = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8 text") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UsageError(f"{name}:{line}: not text: it has a NUL character")
    return text


def shown_name(path: str) -> str:
    """Return the name of a file as an error names it."""
    return "stdin" if path == STDIN else path


def sendable(body: str) -> str:
    """Return the text of a JSON value without characters that SQS refuses: they are escaped."""
    return _UNSENDABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", body)


def as_body(value: object, origin: Origin) -> str:
    """Return a value as the body of a message.

    Raises:
        UsageError: naming the part that JSON cannot have.
    """
    try:
        _check(value, (), origin, [0])
        return sendable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except RecursionError:
        raise UsageError(f"{origin}: nested too deeply, or in itself") from None


def _is_body(text: str) -> bool:
    """Return whether a text is a body: whether the stage reads Python literals is seen later."""
    with contextlib.suppress(PermanentFailure, RecursionError):
        parsing.load(text, python_literals=True)
        return True
    return False


def _several_lines(name: str, text: str) -> list[Document] | None:
    """Return the messages of a text that is JSON lines without saying so; None if it is not."""
    filled = [line for line in text.splitlines() if line.strip()]
    if len(filled) > 1 and all(line.lstrip().startswith("{") for line in filled):
        with contextlib.suppress(UsageError):
            return _json_lines(name, text)
    return None


def _json_lines(name: str, text: str) -> list[Document]:
    found = []
    # Not `splitlines`: a JSON text may hold characters that Unicode calls the end of a line.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            parsing.load(line)
        except (PermanentFailure, RecursionError):
            raise UsageError(f"{name}:{number}{_json_problem(line, in_line=True)}") from None
        origin = Origin(file=name, line=number, text=line)
        found.append(Document(origin=origin, body=sendable(line.strip())))
    return found


def _json_problem(text: str, *, in_line: bool = False) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        line = "" if in_line else f":{error.lineno}"
        return f"{line}:{error.colno}: expected JSON: {error.msg}"
    except (ValueError, RecursionError):
        pass
    return ": expected JSON: a number with too many digits, or nested too deeply"


def _yaml(name: str, text: str) -> list[Document]:
    yaml = YAML(typ="safe", pure=True)
    starts = []
    try:
        values = list(yaml.load_all(text))
        if len(values) > 1:
            nodes = YAML(typ="safe", pure=True).compose_all(text)
            starts = [node.start_mark.line + 1 for node in nodes]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
        about = " ".join(str(error.problem or error.context).split())
        raise UsageError(f"{where}: neither JSON nor YAML: {about}") from None
    except (YAMLError, ValueError) as error:
        about = " ".join(str(error).split())
        raise UsageError(f"{name}: neither JSON nor YAML: {about}") from None
    except RecursionError:
        raise UsageError(f"{name}: nested too deeply") from None
    found = []
    for number, value in enumerate(values):
        if value is None:  # an empty document, as after the last `---`
            continue
        line = starts[number] if len(starts) == len(values) else None
        origin = Origin(file=name, line=line, text=text, document=number)
        found.append(Document(origin=origin, body=as_body(value, origin)))
    if not found:
        raise UsageError(f"{name}: no message in it; expected JSON, JSON lines or YAML")
    return found


def _check(value: object, place: Place, origin: Origin, seen: list[int]) -> None:
    """Check that JSON has the values that YAML has.

    Raises:
        UsageError: naming the first one that it does not have.
    """
    seen[0] += 1
    if seen[0] > _MAX_VALUES:
        raise UsageError(f"{origin}: more values than a message of SQS can hold")
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise UsageError(
                    f"{origin.at(place)}: {shown_path(place) or 'the message'}: expected names "
                    f"that are strings, found {name!r}; put it in quotes"
                )
            _check(item, (*place, name), origin, seen)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check(item, (*place, position), origin, seen)
    elif not (value is None or isinstance(value, str | bool | int)) and not (
        isinstance(value, float) and math.isfinite(value)
    ):
        raise UsageError(
            f"{origin.at(place)}: {shown_path(place) or 'the message'}: JSON has no such value: "
            f"{type(value).__name__} {value}; put it in quotes"
        )
