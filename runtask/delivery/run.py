"""A run of `runtask send`: everything is checked, then sent, and what was sent is reported."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from function.limits import MAX_MESSAGE_BYTES
from infra.names import queue_name
from runtask import console
from runtask.account import sign_in
from runtask.delivery.batches import (
    MAX_BATCH_MESSAGES,
    MAX_GROUP_LENGTH,
    message_bytes,
    valid_group,
)
from runtask.delivery.progress import make_progress
from runtask.delivery.record import Record, RunHeader, now
from runtask.delivery.sender import THREADS, Delivery, InterruptedSendError, Sender
from runtask.errors import AccountError, RuntaskError
from runtask.key_access import is_key_refusal, missing_key_access
from runtask.messages import new_key
from runtask.sending import not_sent, read_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from types_boto3_sqs import SQSClient

    from function.message.request import Request
    from infra.config import FunctionConfig
    from runtask.account import AccountSession, Sessions
    from runtask.messages import Message, MessageInput

# More messages than one call takes: a run that can break off in the middle.
PROGRESS_MESSAGES: Final = MAX_BATCH_MESSAGES + 1

# Codes of an answer of AWS for credentials that are no longer valid.
_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """A message that is in the queue.

    Attributes:
        source: Where it was read.
        key: Its idempotency key.
        message_id: What SQS calls it.
        group: Its message group; None for none of its own.
    """

    source: str
    key: str
    message_id: str
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class SendOptions:
    """How messages are sent.

    Attributes:
        rate: Messages a second; None for no limit.
        record: Where the run is recorded; None for nowhere.
        run: The name of the run, from which keys are derived; None for a new one.
        threads: Calls under way at once.
        quiet: Whether nothing is shown.
    """

    rate: float | None = None
    record: Path | None = None
    run: str | None = None
    threads: int = THREADS
    quiet: bool = False


def check(messages: Sequence[Message], config: FunctionConfig) -> list[Request]:
    """Check everything that can be checked before the first message is sent.

    Returns:
        What the handler would read, in the order of the messages.

    Raises:
        UsageError: naming each message that the handler or SQS would reject, and why.
    """
    problems = []
    for message in messages:
        if (size := message_bytes(message)) > MAX_MESSAGE_BYTES:
            problems.append(
                f"{message.source}: found a message of {size:,} bytes; SQS takes up to "
                f"{MAX_MESSAGE_BYTES:,}"
            )
        if message.group is not None and not valid_group(message.group):
            problems.append(
                f"{message.source}: --group: expected 1 to {MAX_GROUP_LENGTH} letters, digits and "
                f"punctuation, found {message.group!r}"
            )
    if problems:
        raise not_sent(problems)
    return read_requests(messages, config)


def send(
    source: MessageInput,
    config: FunctionConfig,
    sessions: Sessions,
    how: SendOptions | None = None,
) -> Iterator[SentMessage]:
    """Send messages in batches, after all of them were checked.

    Args:
        source: What to send.
        config: The stage's configuration.
        sessions: The operator's credentials.
        how: The rate, and where the run is recorded.

    Yields:
        Every message that is in the queue, those of an earlier part of the run too. They are
        yielded before an error is raised.

    Raises:
        UsageError: if the handler would reject a message; none was sent then.
        AccountError: if the credentials are missing, invalid or of another account.
        RuntaskError: if SQS rejects a message, or Ctrl-C ended the run.
    """
    how = how or SendOptions()
    run = how.run or new_key()
    messages = source.with_keys(run)
    check(messages, config)
    account = sign_in(config, sessions)
    url = _queue_url(account)
    with contextlib.ExitStack() as stack:
        record: Record | None = None
        if how.record is not None:
            header = RunHeader(
                stage=config.stage,
                account=config.location.account,
                region=config.location.region,
                messages=len(messages),
                digest=source.digest,
                run=run,
                started=now(),
            )
            record = stack.enter_context(Record.open(how.record, header, how.run))
            messages = source.with_keys(record.header.run)
        yield from _sent(messages, account, url, record, how)


def _sent(
    messages: Sequence[Message],
    account: AccountSession,
    url: str,
    record: Record | None,
    how: SendOptions,
) -> Iterator[SentMessage]:
    sqs = account.session.client("sqs", config=_client_config(how.threads))

    def explain(message: Message, error: BotoCoreError | ClientError) -> RuntaskError:
        return _refusal(message, error, account, sqs, url)

    sender = Sender(
        Delivery(
            client=sqs,
            url=url,
            fifo=account.config.fifo,
            messages=messages,
            record=record,
            rate=how.rate,
            threads=how.threads,
            explain=explain,
        )
    )
    if record is not None and record.sent:
        console.progress(f"going on: {len(record.sent):,} of {len(messages):,} were sent before")
    if record is not None and record.in_doubt:
        console.progress(
            f"{len(record.in_doubt):,} of the rest may be in the queue already, without an answer: "
            "they are sent again with the same keys, so none of them starts a task twice"
        )
    failure: RuntaskError | None = None
    try:
        shown = len(messages) >= PROGRESS_MESSAGES and not how.quiet
        with make_progress(len(messages), len(sender.sent), shown=shown) as progress:
            sender.run(progress)
    except RuntaskError as error:
        failure = error
        if len(messages) > 1 and not isinstance(error, InterruptedSendError):
            failure = type(error)(f"{error}; {sender.so_far}")
    for position, message_id in sorted(sender.sent.items()):
        message = messages[position]
        yield SentMessage(
            source=message.source, key=message.key, message_id=message_id, group=message.group
        )
    if failure is not None:
        raise failure


def _client_config(threads: int) -> Config:
    """Return the settings of a client that several threads use."""
    return Config(
        max_pool_connections=threads,
        connect_timeout=10,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 5},
        # The entries are made by this package, of checked messages.
        parameter_validation=False,
    )


def _refusal(
    message: Message,
    error: BotoCoreError | ClientError,
    account: AccountSession,
    sqs: SQSClient,
    url: str,
) -> RuntaskError:
    """Return the error of a message that SQS did not take, with what fixes it."""
    text = f"{message.source}: {account.identity}: {error}"
    if isinstance(error, ClientError):
        if error.response["Error"]["Code"] in _EXPIRED:
            return AccountError(f"{text}; sign in again (aws sso login)")
        if is_key_refusal(error):
            text += f"; {missing_key_access(account, sqs, url)}"
    return RuntaskError(text)


def _queue_url(account: AccountSession) -> str:
    """Return the URL of the stage's work queue.

    Raises:
        RuntaskError: if the queue does not exist, or the operator may not use it.
    """
    stage = account.config.stage
    name = queue_name(stage, fifo=account.config.fifo)
    sqs = account.session.client("sqs")
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        raise RuntaskError(
            f"there is no queue {name} in account {account.location.account}, region "
            f"{account.location.region}; run: pulumi up -s {stage}"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise RuntaskError(f"{account.identity} cannot use queue {name}: {error}") from None
