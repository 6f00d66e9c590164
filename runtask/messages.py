"""Reads message files: what the handler reads, or YAML with one message or several."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from function.failures.reasons import PermanentFailure
from function.limits import MAX_KEY_LENGTH
from function.message import parsing
from function.message.idempotency import valid_key
from runtask.errors import UsageError


def new_key() -> str:
    """Return a key that no other message has."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message: where it was read, the body to send, and the key that makes it unique."""

    source: str
    body: str
    key: str = field(default_factory=new_key)


def read_messages(paths: list[str], key: str | None) -> list[Message]:
    """Read every message of the files.

    Args:
        paths: Files, or `-` for standard input.
        key: The key of the only message; None for a new one for each.

    Raises:
        UsageError: if a file cannot be read or holds no message, or a key cannot be used.
    """
    found = [
        (source, body) for path in paths for source, body in _bodies(path, _text(path)) if body
    ]
    if key is None:
        return [Message(source=source, body=body) for source, body in found]
    if not valid_key(key):
        raise UsageError(
            f"--key {key}: allowed are up to {MAX_KEY_LENGTH} letters, digits, - and _"
        )
    if len(found) != 1:
        raise UsageError(f"--key {key}: a key is for one message, found {len(found)}")
    return [Message(source=source, body=body, key=key) for source, body in found]


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text") from None


def _bodies(path: str, text: str) -> list[tuple[str, str]]:
    """Return source and body of each message; YAML is sent as the JSON that it means."""
    name = "stdin" if path == "-" else path
    with contextlib.suppress(PermanentFailure):
        parsing.parse(text)
        return [(name, text)]
    try:
        documents = list(YAML(typ="safe", pure=True).load_all(io.StringIO(text)))
        texts = [json.dumps(document, ensure_ascii=False) for document in documents]
    except YAMLError as error:
        raise UsageError(f"{name}: is neither JSON nor YAML: {error}") from None
    except TypeError as error:
        raise UsageError(f"{name}: JSON knows no such value: {error}; put it in quotes") from None
    if not documents:
        raise UsageError(f"{name}: holds no message")
    if len(texts) == 1:
        return [(name, texts[0])]
    return [(f"{name}#{number}", text) for number, text in enumerate(texts, start=1)]
