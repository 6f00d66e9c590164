"""Sends messages to a stage, or shows the RunTask calls that they would become."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure
from function.message import builder
from function.message.idempotency import KEY_ATTRIBUTE
from function.message.lookups import Lookups
from runtask.errors import RuntaskError, UsageError
from runtask.stages import access, offline_settings, queue_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import (
        DescribeServicesResponseTypeDef,
        DescribeTaskDefinitionResponseTypeDef,
    )
    from types_boto3_sqs.type_defs import SendMessageRequestTypeDef

    from function.message.request import Request
    from function.settings import Settings
    from infra.config import FunctionConfig
    from runtask.messages import Message


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """A message that is in the queue."""

    source: str
    key: str
    message_id: str


class _EcsOnDemand:
    """The look-ups' part of an ECS client; a message that lacks nothing needs no credentials."""

    def __init__(self, config: FunctionConfig) -> None:
        self._config = config

    @cached_property
    def _ecs(self) -> ECSClient:
        return access(self._config).session.client("ecs")

    def describe_services(self, **parameters: Any) -> DescribeServicesResponseTypeDef:  # noqa: ANN401
        return self._ecs.describe_services(**parameters)

    def describe_task_definition(
        self,
        **parameters: Any,  # noqa: ANN401
    ) -> DescribeTaskDefinitionResponseTypeDef:
        return self._ecs.describe_task_definition(**parameters)


def check(messages: Sequence[Message], settings: Settings) -> list[Request]:
    """Read every message as the handler would.

    Raises:
        UsageError: naming each message that the handler would reject, and why.
    """
    requests = []
    problems = []
    for message in messages:
        try:
            requests.append(builder.read(message.body, settings))
        except Failure as failure:
            problems.append(f"{message.source}: {failure.error}")
    if problems:
        raise UsageError("nothing was sent:\n  " + "\n  ".join(problems))
    return requests


def preview(messages: Sequence[Message], config: FunctionConfig) -> list[dict[str, Any]]:
    """Return the RunTask calls of the messages, completed as the handler would complete them.

    Raises:
        UsageError: if the handler would reject one.
        AccountError: if the credentials are not of the stage's account.
    """
    requests = check(messages, offline_settings(config))
    lookups = Lookups(cast("ECSClient", _EcsOnDemand(config)))
    calls: list[dict[str, Any]] = []
    for message, request in zip(messages, requests, strict=True):
        try:
            completed = builder.complete(request, lookups)
        except Failure as failure:
            raise UsageError(f"{message.source}: {failure.error}") from None
        calls += builder.calls(completed, message.key, config.stage)
    return calls


def send(
    messages: Sequence[Message], config: FunctionConfig, *, group: str | None
) -> Iterator[SentMessage]:
    """Send the messages one by one, after all of them were checked.

    Args:
        messages: What to send; each carries its key, so that sending it again is harmless.
        config: The stage's configuration.
        group: The message group of a FIFO queue; None for a group for each message.

    Raises:
        UsageError: if the handler would reject one, before any is sent.
        AccountError: if the credentials are not of the stage's account.
        RuntaskError: if SQS refuses; what was sent before was yielded.
    """
    check(messages, offline_settings(config))
    if group is not None and not config.fifo:
        raise UsageError(f"--group {group}: the queue of stage {config.stage} is no FIFO queue")
    granted = access(config)
    url = queue_url(granted, config)
    sqs = granted.session.client("sqs")
    for message in messages:
        parameters: SendMessageRequestTypeDef = {
            "QueueUrl": url,
            "MessageBody": message.body,
            "MessageAttributes": {
                KEY_ATTRIBUTE: {"DataType": "String", "StringValue": message.key}
            },
        }
        if config.fifo:
            parameters["MessageGroupId"] = group or message.key
            parameters["MessageDeduplicationId"] = message.key
        try:
            answer = sqs.send_message(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise RuntaskError(f"{message.source}: {error}") from None
        yield SentMessage(source=message.source, key=message.key, message_id=answer["MessageId"])
