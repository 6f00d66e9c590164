"""Sends messages, and waits for what becomes of them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from runtask import console
from runtask.delivery import run
from runtask.errors import UsageError
from runtask.messages import new_key
from runtask.waiting.ends import Awaited
from runtask.waiting.waiter import MAX_LOG_KEYS, Waiter, check_access

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infra.config import FunctionConfig
    from runtask.account import Sessions
    from runtask.delivery.run import SendOptions, SentMessage
    from runtask.messages import MessageInput
    from runtask.stage_access import StageAccess
    from runtask.waiting.options import WaitOptions


@dataclass(frozen=True, kw_only=True)
class WaitedRun:
    """A run whose messages are waited for.

    Attributes:
        source: What is sent.
        config: The stage's configuration.
        how: How it is sent.
        sessions: The operator's credentials.
        waits: How it is waited for.
        as_json: Whether everything on stdout is an object.
    """

    source: MessageInput
    config: FunctionConfig
    how: SendOptions
    sessions: Sessions
    waits: WaitOptions
    as_json: bool

    def go(self, open_access: Callable[[], StageAccess]) -> None:
        """Send the messages, and wait.

        Args:
            open_access: Opens the stage; called after the messages were checked.

        Raises:
            UsageError: if the handler would reject a message; none was sent then.
            RuntaskError: if the stage cannot be read, SQS rejects a message, or one of them did
                not succeed; see `Waiter.wait`.
        """
        count = len(self.source.messages)
        if self.waits.logs and count > MAX_LOG_KEYS:
            raise UsageError(
                f"--logs: found {count:,} messages, expected up to {MAX_LOG_KEYS}; leave it out, "
                "and run afterwards: runtask logs KEY"
            )
        requests = run.check(self.source.with_keys(self.how.run or new_key()), self.config)
        access = open_access()
        check_access(access)
        since = time.time()
        sent: list[SentMessage] = []
        try:
            sent.extend(run.send(self.source, self.config, self.sessions, self.how))
        finally:  # what was sent before an error is in the queue, and belongs into the result
            self._show(sent)
        # Without an error, every message was sent, in the order of the input.
        awaited = [
            Awaited(key=one.key, message_id=one.message_id, digest=request.digest())
            for one, request in zip(sent, requests, strict=True)
        ]
        Waiter(access, awaited, self.waits, since=since, as_json=self.as_json).wait()

    def _show(self, sent: Sequence[SentMessage]) -> None:
        for message in sent:
            if self.as_json:
                console.line(console.compact({"event": "sent", **asdict(message)}))
            elif self.waits.logs:  # stdout has what the tasks write
                console.progress(f"sent {message.key}")
            else:
                console.line(message.key)
