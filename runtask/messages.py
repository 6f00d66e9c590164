"""Reads message files: any body that the handler reads, or YAML with one or more messages."""

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
    """Return an idempotency key that no other message has."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message to send.

    Attributes:
        source: Where it was read, as an error names it.
        body: What the handler receives.
        key: The idempotency key: the same key never starts a second task.
    """

    source: str
    body: str
    key: str = field(default_factory=new_key)


def read_messages(paths: list[str], key: str | None) -> list[Message]:
    """Read every message of the files.

    Args:
        paths: Files, or `-` for standard input.
        key: The idempotency key of the only message; None for a new key per message.

    Raises:
        UsageError: if a file cannot be read or has no message, or the key cannot be used.
    """
    found = [
        (source, body) for path in paths for source, body in _bodies(path, _text(path)) if body
    ]
    if key is None:
        return [Message(source=source, body=body) for source, body in found]
    if not valid_key(key):
        raise UsageError(f"--key {key}: expected up to {MAX_KEY_LENGTH} letters, digits, - and _")
    if len(found) != 1:
        raise UsageError(f"--key {key}: found {len(found)} messages; a key is for one message")
    return [Message(source=source, body=body, key=key) for source, body in found]


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text") from None


def _bodies(path: str, text: str) -> list[tuple[str, str]]:
    """Return source and body of each message; YAML becomes the JSON that it stands for."""
    name = "stdin" if path == "-" else path
    with contextlib.suppress(PermanentFailure):
        # Whether the stage reads Python literals is checked with its settings, before sending.
        parsing.parse(text, python_literals=True)
        return [(name, text)]
    try:
        documents = list(YAML(typ="safe", pure=True).load_all(io.StringIO(text)))
        texts = [json.dumps(document, ensure_ascii=False) for document in documents]
    except YAMLError as error:
        raise UsageError(f"{name}: neither JSON nor YAML: {error}") from None
    except TypeError as error:
        raise UsageError(f"{name}: JSON has no such value: {error}; put it in quotes") from None
    if not documents:
        raise UsageError(f"{name}: no message in it; expected JSON or YAML")
    if len(texts) == 1:
        return [(name, texts[0])]
    return [(f"{name}#{number}", text) for number, text in enumerate(texts, start=1)]
