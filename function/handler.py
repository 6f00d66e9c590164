"""The entry point of the Lambda function."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.config import Config

from function.application import Application
from function.limits import (
    CONNECT_TIMEOUT_SECONDS,
    PAYLOAD_READ_TIMEOUT_SECONDS,
    QUEUE_READ_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    TABLE_CONNECT_TIMEOUT_SECONDS,
    TABLE_READ_TIMEOUT_SECONDS,
    THREADS,
)
from function.message.validation import session
from function.observability import make_logger
from function.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ecs import ECSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from function.application import Context
    from function.outcomes.results import EventBus

_SETTINGS: Final = Settings.from_environment(os.environ)


def _config(
    attempts: int,
    read_timeout_seconds: float,
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> Config:
    return Config(
        connect_timeout=connect_timeout_seconds,
        read_timeout=read_timeout_seconds,
        max_pool_connections=THREADS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        region_name=_SETTINGS.region,
    )


class _OnDemand:
    """A client that is made when it is used: most messages need none.

    Args:
        service: The name of an AWS service.
        config: The client's.
    """

    def __init__(self, service: str, config: Config) -> None:
        self._service = service
        self._config = config
        self._lock = threading.Lock()
        self._client: Any = None

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - as boto3
        """Return an operation of the client."""
        with self._lock:
            if self._client is None:
                self._client = session().create_client(self._service, config=self._config)
        return getattr(self._client, operation)


_TABLE: Final = _OnDemand(
    "dynamodb", _config(2, TABLE_READ_TIMEOUT_SECONDS, TABLE_CONNECT_TIMEOUT_SECONDS)
)

# The message returns to the queue if S3 does not take its payload, so one try has to do.
_PAYLOADS: Final = _OnDemand("s3", _config(1, PAYLOAD_READ_TIMEOUT_SECONDS))

# The clients are made once, at import: each costs about ten milliseconds, and its connections
# more. RunTask is tried once, because the queue retries it and knows better when. Calls to SQS are
# tried twice, because a lost connection there costs a whole delivery. No message waits for its
# notification, so SNS is tried once. The ledger's writes are conditional, so that a second try does
# no harm.
_APPLICATION: Final = Application(
    _SETTINGS,
    ecs=cast("ECSClient", session().create_client("ecs", config=_config(1, READ_TIMEOUT_SECONDS))),
    sqs=cast(
        "SQSClient", session().create_client("sqs", config=_config(2, QUEUE_READ_TIMEOUT_SECONDS))
    ),
    sns=cast(
        "SNSClient", session().create_client("sns", config=_config(1, QUEUE_READ_TIMEOUT_SECONDS))
    ),
    dynamodb=cast("DynamoDBClient", _TABLE),
    events=cast("EventBus", _OnDemand("events", _config(2, QUEUE_READ_TIMEOUT_SECONDS))),
    s3=cast("S3Client", _PAYLOADS),
    log=make_logger(_SETTINGS.stage, _SETTINGS.log_level),
)


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Start the tasks that the messages of a batch ask for.

    Args:
        event: From an SQS event source mapping with `ReportBatchItemFailures`.
        context: Lambda's context of this invocation.

    Returns:
        The ids of the messages to return to the queue, as `batchItemFailures`.

    Raises:
        EventError: if the event is not an SQS batch.
    """
    return _APPLICATION.handle(event, context)
