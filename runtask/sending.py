"""Sends messages to a stage, and returns the RunTask calls that they become."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure
from function.message import builder
from function.message.idempotency import KEY_ATTRIBUTE, Stage
from function.message.lookups import Lookups
from function.settings import Settings
from infra.environment import OutcomeResources, function_environment
from infra.names import (
    PREFIX,
    events_queue_name,
    ledger_table_name,
    payload_bucket_name,
    queue_name,
)
from runtask.account import sign_in
from runtask.errors import RuntaskError, UsageError
from runtask.key_access import is_key_refusal, missing_key_access

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import (
        DescribeServicesResponseTypeDef,
        DescribeTaskDefinitionResponseTypeDef,
    )
    from types_boto3_sqs.type_defs import SendMessageRequestTypeDef

    from function.message.request import Request
    from infra.config import FunctionConfig
    from runtask.account import AccountSession, Sessions
    from runtask.messages import Message

# What stands for the digits that Pulumi adds to the name of a bucket.
_SUFFIX: Final = "-0000000"


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """A message that is in the queue.

    Attributes:
        source: Where it was read.
        key: Its idempotency key.
        message_id: What SQS calls it.
    """

    source: str
    key: str
    message_id: str


def preview(
    messages: Sequence[Message], config: FunctionConfig, sessions: Sessions
) -> list[dict[str, Any]]:
    """Return the RunTask calls of the messages, completed as the handler would complete them.

    Args:
        messages: What would be sent.
        config: The stage's configuration.
        sessions: Used only if a message leaves something to a look-up.

    Raises:
        UsageError: if the handler would reject a message.
        AccountError: if the credentials are missing, invalid or of another account.
    """
    requests = read_requests(messages, config)
    settings = handler_settings(config)
    lookups = Lookups(cast("ECSClient", _EcsOnDemand(config, sessions)))
    stage = handler_stage(config)
    calls: list[dict[str, Any]] = []
    for message, request in zip(messages, requests, strict=True):
        try:
            completed = builder.complete(request, lookups, settings=settings)
        except Failure as failure:
            raise UsageError(f"{message.source}: {failure.error}") from None
        calls.append(builder.call(completed, message.key, stage))
    return calls


def send(
    messages: Sequence[Message],
    config: FunctionConfig,
    sessions: Sessions,
    *,
    group: str | None,
) -> Iterator[SentMessage]:
    """Send the messages one by one, after all of them were checked.

    Args:
        messages: What to send. Each carries its key, so that sending it again is harmless.
        config: The stage's configuration.
        sessions: The operator's credentials.
        group: The message group of a FIFO queue; None for a group per message.

    Raises:
        UsageError: if the handler would reject a message; none was sent then.
        AccountError: if the credentials are missing, invalid or of another account.
        RuntaskError: if SQS rejects a message; those before it were yielded.
    """
    read_requests(messages, config)
    if group is not None and not config.fifo:
        raise UsageError(
            f"--group {group}: the queue of stage {config.stage} is not a FIFO queue; leave "
            f"--group out, or set ecs-run-task:fifo in Pulumi.{config.stage}.yaml"
        )
    account = sign_in(config, sessions)
    url = _queue_url(account)
    sqs = account.session.client("sqs")
    for message in messages:
        parameters = message_parameters(
            url, message.body, message.key, fifo=config.fifo, group=group or message.key
        )
        try:
            answer = sqs.send_message(**parameters)
        except (BotoCoreError, ClientError) as error:
            fix = ""
            if isinstance(error, ClientError) and is_key_refusal(error):
                fix = f"; {missing_key_access(account, sqs, url)}"
            raise RuntaskError(f"{message.source}: {account.identity}: {error}{fix}") from None
        yield SentMessage(source=message.source, key=message.key, message_id=answer["MessageId"])


def message_parameters(  # noqa: PLR0913 - one for each part of a message
    url: str, body: str, key: str, *, fifo: bool, group: str, deduplication_id: str = ""
) -> SendMessageRequestTypeDef:
    """Return the parameters of SendMessage.

    Args:
        url: The URL of the work queue.
        body: What the handler receives.
        key: The idempotency key.
        fifo: Whether the queue is a FIFO queue; else the other arguments are not used.
        group: The message group.
        deduplication_id: What SQS recognizes a second copy by; empty for the key.
    """
    parameters: SendMessageRequestTypeDef = {
        "QueueUrl": url,
        "MessageBody": body,
        "MessageAttributes": {KEY_ATTRIBUTE: {"DataType": "String", "StringValue": key}},
    }
    if fifo:
        parameters["MessageGroupId"] = group
        parameters["MessageDeduplicationId"] = deduplication_id or key
    return parameters


class _EcsOnDemand:
    """The part of an ECS client that look-ups use; without a look-up, nobody has to sign in."""

    def __init__(self, config: FunctionConfig, sessions: Sessions) -> None:
        self._config = config
        self._sessions = sessions

    @cached_property
    def _ecs(self) -> ECSClient:
        return sign_in(self._config, self._sessions).session.client("ecs")

    def describe_services(self, **parameters: Any) -> DescribeServicesResponseTypeDef:  # noqa: ANN401
        return self._ecs.describe_services(**parameters)

    def describe_task_definition(
        self,
        **parameters: Any,  # noqa: ANN401
    ) -> DescribeTaskDefinitionResponseTypeDef:
        return self._ecs.describe_task_definition(**parameters)


def read_requests(messages: Sequence[Message], config: FunctionConfig) -> list[Request]:
    """Read every message as the handler would.

    Raises:
        UsageError: naming each message that the handler would reject, and why.
    """
    settings = handler_settings(config)
    requests = []
    problems = []
    for message in messages:
        try:
            requests.append(builder.read(message.body, settings))
        except Failure as failure:
            problems.append(f"{message.source}: {failure.error}")
    if problems:
        raise UsageError("no message was sent:\n  " + "\n  ".join(problems))
    return requests


def handler_stage(config: FunctionConfig) -> Stage:
    """Return where the keys of the stage's messages are valid."""
    location = config.location
    return Stage(name=config.stage, account=location.account, region=location.region)


def handler_settings(config: FunctionConfig) -> Settings:
    """Return the settings with which the stage's handler reads a message, without asking AWS."""
    location = config.location
    queue = queue_name(config.stage, fifo=config.fifo)
    host = f"https://sqs.{location.region}.{location.dns_suffix}/{location.account}"
    environment = function_environment(
        config,
        queue_url=f"{host}/{queue}",
        dead_letter_queue_url=f"{host}/{PREFIX}{config.stage}-dlq",
        failure_topic_arn=location.arn("sns", f"{PREFIX}{config.stage}-failures"),
        ledger_table=ledger_table_name(config.stage),
        outcomes=OutcomeResources(
            events_queue_url=f"{host}/{events_queue_name(config.stage)}"
            if config.outcomes
            else None,
            payload_bucket=f"{payload_bucket_name(config.stage)}{_SUFFIX}"
            if config.payloads
            else None,
        ),
    )
    return Settings.from_environment(cast("Mapping[str, str]", environment))


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
