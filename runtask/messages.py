"""The messages of an operator: read from files, filled in from rows, each with its key."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from function.limits import MAX_KEY_LENGTH
from function.message.idempotency import valid_key
from runtask.errors import UsageError
from runtask.input.documents import STDIN, Document, read_documents
from runtask.input.rows import Template, TextTemplate, read_rows
from runtask.input.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runtask.input.origin import Origin
    from runtask.input.rows import Rows

# Hexadecimal digits of a key that is derived from its message.
_DERIVED_KEY_LENGTH: Final = 32


def new_key() -> str:
    """Return an idempotency key that no other message has."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message to send.

    Attributes:
        source: Where it was read, as an error names it.
        body: What the handler receives.
        key: The idempotency key: the same key never starts a second task.
        group: The message group; None for none, or the key where the queue needs a group.
        origin: Where its parameters are; None where nothing more than the source is known.
    """

    source: str
    body: str
    key: str = field(default_factory=new_key)
    group: str | None = None
    origin: Origin | None = None

    def problems(self, error: str) -> list[str]:
        """Return each problem in the text of a failure, with its place in front of it."""
        return [f"{self.source}: {error}"] if self.origin is None else self.origin.problems(error)


@dataclass(frozen=True, kw_only=True)
class MessageInput:
    """What the command line asks to send.

    Attributes:
        messages: The messages; a key that is empty is still to be derived.
        rows: The file of rows; None without.
    """

    messages: tuple[Message, ...]
    rows: str | None = None

    def with_keys(self, run: str) -> tuple[Message, ...]:
        """Return the messages, each with its key: one that is missing is derived from the run.

        Args:
            run: The name of the run.
        """
        return tuple(
            message if message.key else replace(message, key=_derived(run, position, message.body))
            for position, message in enumerate(self.messages)
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of everything that is sent, without the keys to be derived."""
        found = hashlib.sha256()
        for message in self.messages:
            for part in (message.body, message.key, message.group or ""):
                content = part.encode()
                found.update(len(content).to_bytes(8, "big") + content)
        return found.hexdigest()


def read_messages(paths: list[str], key: str | None) -> list[Message]:
    """Read every message of the files.

    Args:
        paths: Files, or `-` for standard input.
        key: The idempotency key of the only message; None for a new key per message.

    Raises:
        UsageError: if a file cannot be read or has no message, or the key cannot be used.
    """
    return list(read_input(paths, key=key).with_keys(new_key()))


def read_input(  # noqa: PLR0913 - one for each option
    paths: Sequence[str],
    *,
    settings: Settings | None = None,
    each: str | None = None,
    key: str | None = None,
    key_column: str | None = None,
    group: str | None = None,
) -> MessageInput:
    """Read the messages that the command line asks to send.

    Args:
        paths: Files, or `-` for standard input.
        settings: What is changed in each message.
        each: A file with rows, for each of which the only message is filled in; None without.
        key: The idempotency key of the only message; None for others.
        key_column: The column with the keys; None to derive them.
        group: The message group, which can name columns; None for none.

    Raises:
        UsageError: if a file cannot be read or has no message, or an option does not fit.
    """
    if [*paths, each].count(STDIN) > 1:
        raise UsageError("-: standard input can be read once; name a file for the rest")
    settings = settings or Settings()
    documents = [settings.applied(one) for path in paths for one in read_documents(path)]
    if each is None:
        if key_column is not None:
            raise UsageError(f"--key-column {key_column}: is for --each; add --each FILE")
        return MessageInput(messages=tuple(_with_key(documents, key, group)))
    if key is not None:
        raise UsageError(f"--key {key}: is for one message; with --each, use --key-column")
    if len(documents) != 1:
        raise UsageError(f"--each {each}: found {len(documents)} messages to fill in; expected one")
    rows = read_rows(each)
    return MessageInput(
        messages=tuple(_from_rows(documents[0], rows, key_column, group)), rows=each
    )


def _with_key(documents: list[Document], key: str | None, group: str | None) -> Iterable[Message]:
    if key is not None and not valid_key(key):
        raise UsageError(f"--key {key}: expected up to {MAX_KEY_LENGTH} letters, digits, - and _")
    if key is not None and len(documents) != 1:
        raise UsageError(f"--key {key}: found {len(documents)} messages; a key is for one message")
    for one in documents:
        yield Message(
            source=str(one.origin), body=one.body, key=key or "", group=group, origin=one.origin
        )


def _from_rows(
    document: Document, rows: Rows, key_column: str | None, group: str | None
) -> Iterable[Message]:
    template = Template(document, rows)
    groups = None if group is None else TextTemplate(group, "--group", rows)
    if key_column is not None:
        rows.require(key_column, f"--key-column {key_column}")
    sources: dict[str, str] = {}
    for row in rows.rows:
        key = "" if key_column is None else row.cells[key_column]
        if key_column is not None:
            if not valid_key(key):
                raise UsageError(
                    f"{row.source}: column {key_column}: expected a key of 1 to {MAX_KEY_LENGTH} "
                    f"letters, digits, - and _, found {key!r}"
                )
            if key in sources:
                raise UsageError(
                    f"{row.source}: column {key_column}: the key {key} is in {sources[key]} too"
                )
            sources[key] = row.source
        filled = template.filled(row)
        yield Message(
            source=row.source,
            body=filled.body,
            key=key,
            group=None if groups is None else groups.filled(row),
            origin=filled.origin,
        )


def _derived(run: str, position: int, body: str) -> str:
    content = f"{run}\0{position}\0{body}"
    return hashlib.sha256(content.encode()).hexdigest()[:_DERIVED_KEY_LENGTH]
