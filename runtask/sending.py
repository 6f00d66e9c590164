"""Reads messages as a stage's handler would, and returns the RunTask calls that they become."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

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
from runtask.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import (
        DescribeServicesResponseTypeDef,
        DescribeTaskDefinitionResponseTypeDef,
    )
    from types_boto3_sqs.type_defs import SendMessageRequestTypeDef

    from function.message.request import Request
    from infra.config import FunctionConfig
    from runtask.account import Sessions
    from runtask.messages import Message

# What stands for the digits that Pulumi adds to the name of a bucket.
_SUFFIX: Final = "-0000000"

# Problems that one error names.
_MAX_PROBLEMS_SHOWN: Final = 20


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
            raise UsageError("; ".join(message.problems(failure.error))) from None
        calls.append(builder.call(completed, message.key, stage))
    return calls


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
            problems += message.problems(failure.error)
    if problems:
        raise not_sent(problems)
    return requests


def not_sent(problems: Sequence[str]) -> UsageError:
    """Return the error that names what is wrong with messages, each with its place."""
    more = len(problems) - _MAX_PROBLEMS_SHOWN
    shown = [*problems[:_MAX_PROBLEMS_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
    return UsageError("no message was sent:\n  " + "\n  ".join(shown))


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
