"""The record of a run beside its file: what was sent, so that a broken run goes on.

One line of JSON for the run, then a line before each batch and a line after its answer. The line
before it only has to outlive this process, and is not forced to the disk; the one after it is. A
batch with the first line alone is in doubt: SQS may have it or not. It is sent again with the same
keys, so what arrives twice starts nothing twice.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from runtask.errors import RuntaskError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERSION: Final = 1
_OWNER_ONLY: Final = 0o600

# The descriptor of no file.
_CLOSED: Final = -1


@dataclass(frozen=True, kw_only=True)
class RunHeader:
    """What a record is about.

    Attributes:
        stage: The stage.
        account: The account's 12 digits.
        region: The region.
        messages: The number of messages.
        digest: The SHA-256 of what is sent.
        run: The name of the run, from which keys are derived.
        started: When it was begun, in ISO 8601.
    """

    stage: str
    account: str
    region: str
    messages: int
    digest: str
    run: str
    started: str

    def same_input(self, other: RunHeader) -> bool:
        """Return whether another run sends the same to the same stage."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("stage", "account", "region", "messages", "digest")
        )


class Record:
    """A record that is open for one run.

    Args:
        path: The file.
        header: What the run is about.
        file: The descriptor of the file, locked and at its end.

    Attributes:
        sent: The message ids of what was sent, by position.
        in_doubt: The positions of what was begun, without an answer.
    """

    def __init__(self, path: Path, header: RunHeader, file: int) -> None:
        self.path = path
        self.header = header
        self.sent: dict[int, str] = {}
        self.in_doubt: set[int] = set()
        self._file = file
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._written = self._synced = 0

    @classmethod
    def open(cls, path: Path, header: RunHeader, run: str | None) -> Record:
        """Open the record of a run, which goes on where an earlier one ended.

        Args:
            path: The file; it is made if it is missing.
            header: What this run would be about if it is a new one.
            run: The name that the operator gave to this run; None for none.

        Raises:
            UsageError: if it is the record of another unfinished run, or of this one, finished.
            RuntaskError: if the file cannot be used.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _OWNER_ONLY)
        except OSError as error:
            raise UsageError(
                f"{path}: {error.strerror}; name another record with --record FILE"
            ) from None
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"{path}: another runtask is sending from this record; wait for its end"
                ) from None
            return cls._opened(path, header, run, file)
        except BaseException:
            os.close(file)
            raise

    @classmethod
    def _opened(cls, path: Path, header: RunHeader, run: str | None, file: int) -> Record:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and content and not content.startswith(b"{"):
            raise _no_record(path)
        lines = whole.splitlines()
        if lines:
            earlier = _header(path, lines[0])
            record = cls(path, earlier, file)
            record._read(lines[1:])
            if record._goes_on(header, run):
                os.ftruncate(file, len(whole))  # the end of a line that was being written
                return record
        os.ftruncate(file, 0)
        record = cls(path, header, file)
        record._write({"record": _VERSION, **asdict(header)}, durable=True)
        return record

    def _goes_on(self, header: RunHeader, run: str | None) -> bool:
        """Return whether a run is the one of this record; else a new record begins.

        Raises:
            UsageError: if neither.
        """
        own = self.header
        finished = len(self.sent) == own.messages
        same = own.same_input(header) and run in {None, own.run}
        if finished and same:
            raise UsageError(
                f"{self.path}: all {own.messages:,} messages were sent by the run of "
                f"{own.started}; nothing was sent. To send them once more, with new keys, pass "
                "--run NAME with a new name"
            )
        if not finished and not same:
            raise UsageError(
                f"{self.path}: is the record of other input, other options or another --run: "
                f"{len(self.sent):,} of {own.messages:,} messages were sent to stage {own.stage} "
                f"since {own.started}; nothing was sent. Finish that run with its own file and "
                "options, or delete the record to give it up"
            )
        return same

    def _read(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            found = _parsed(self.path, line)
            if "sent" in found:
                self.sent.update((int(key), str(value)) for key, value in found["sent"].items())
                self.in_doubt.difference_update(map(int, found["sent"]))
            self.in_doubt.update(found.get("begun", ()))
            self.in_doubt.difference_update(found.get("refused", ()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that a second Ctrl-C left behind must not write to another file of this number.
        with self._lock, self._sync_lock:
            file, self._file = self._file, _CLOSED
        with contextlib.suppress(OSError):
            os.close(file)

    def begin(self, positions: Iterable[int]) -> None:
        """Note that messages are about to be sent."""
        self._write({"begun": list(positions)}, durable=False)

    def finish(self, sent: Mapping[int, str], refused: Iterable[int] = ()) -> None:
        """Note what became of messages.

        Args:
            sent: The message ids of those that SQS has, by position.
            refused: Those that it certainly does not have.
        """
        line: dict[str, Any] = {"sent": sent}
        if refused := list(refused):
            line["refused"] = refused
        self._write(line, durable=True)

    def _write(self, line: Mapping[str, Any], *, durable: bool) -> None:
        content = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            with self._lock:
                os.write(self._file, content)
                self._written += 1
                mine = self._written
            if durable:
                self._sync(mine)
        except OSError as error:
            raise RuntaskError(f"{self.path}: {error.strerror}; make room, and go on") from None

    def _sync(self, mine: int) -> None:
        """Force a line to the disk, together with those of other threads."""
        with self._sync_lock:
            if self._synced >= mine:
                return
            written = self._written
            os.fsync(self._file)
            self._synced = written


def record_path(file: str, stage: str) -> Path:
    """Return where the record of a file is kept by default: beside it."""
    return Path(f"{file}.{stage}.sent")


def now() -> str:
    """Return the time, as a record names it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _header(path: Path, line: bytes) -> RunHeader:
    found = _parsed(path, line)
    try:
        if found.pop("record") != _VERSION:
            raise _no_record(path)
        return RunHeader(**found)
    except (KeyError, TypeError):
        raise _no_record(path) from None


def _parsed(path: Path, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        raise _no_record(path) from None
    if not isinstance(found, dict):
        raise _no_record(path)
    return found


def _no_record(path: Path) -> UsageError:
    return UsageError(
        f"{path}: not a record of this command; move the file away, or name another record with "
        "--record FILE"
    )
