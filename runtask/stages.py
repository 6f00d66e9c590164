"""A stage as an operator's command meets it: its configuration, its account, its queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from function.settings import Settings
from infra.names import PREFIX, Location, queue_name
from infra.stage import function_environment
from runtask.errors import AccountError, RuntaskError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import FunctionConfig


@dataclass(frozen=True, kw_only=True)
class Access:
    """Credentials that were checked to be of the stage's account."""

    session: boto3.Session
    location: Location
    identity: str


def offline_settings(config: FunctionConfig) -> Settings:
    """Return what the stage's handler would read a message with; no queue is asked for."""
    location = config.location
    queue = queue_name(config.stage, fifo=config.fifo)
    host = f"https://sqs.{location.region}.amazonaws.com/{location.account}"
    environment = function_environment(
        config,
        queue_url=f"{host}/{queue}",
        dead_letter_queue_url=f"{host}/{PREFIX}{config.stage}-dlq",
        failure_topic_arn=location.arn("sns", f"{PREFIX}{config.stage}-failures"),
    )
    return Settings.from_environment(cast("Mapping[str, str]", environment))


def access(config: FunctionConfig) -> Access:
    """Return a session in the stage's account and region.

    Raises:
        AccountError: if there are no credentials, or they are of another account.
    """
    location = config.location
    try:
        # The profile may name another region; the stage lives in exactly one.
        session = boto3.Session(region_name=location.region)
        identity = checked_identity(session, config)
    except (BotoCoreError, ClientError) as error:
        raise AccountError(
            f"stage {config.stage} is in account {location.account}, and no credentials worked: "
            f"{error}; sign in (aws sso login) or set AWS_PROFILE"
        ) from None
    return Access(session=session, location=location, identity=identity)


def checked_identity(session: boto3.Session, config: FunctionConfig) -> str:
    """Return the ARN of whoever a session belongs to, in the stage's own account.

    Raises:
        AccountError: if it is of another account.
        ClientError: if the credentials are not valid; BotoCoreError if there are none.
    """
    identity = session.client("sts").get_caller_identity()
    if identity["Account"] != config.location.account:
        raise AccountError(
            f"stage {config.stage} is in account {config.location.account}, and the "
            f"credentials are of account {identity['Account']} ({identity['Arn']}); nothing was "
            f"touched; use a profile of account {config.location.account}"
        )
    return identity["Arn"]


def queue_url(access: Access, config: FunctionConfig) -> str:
    """Return the URL of the stage's work queue.

    Raises:
        RuntaskError: if there is none yet, or it may not be used.
    """
    name = queue_name(config.stage, fifo=config.fifo)
    sqs = access.session.client("sqs")
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        raise RuntaskError(
            f"there is no queue {name} in account {access.location.account}, region "
            f"{access.location.region}; run: pulumi up -s {config.stage}"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise RuntaskError(f"queue {name} cannot be used by {access.identity}: {error}") from None
