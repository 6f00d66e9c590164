"""A stage as an operator's command meets it: its configuration, its account, its queue."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from function.settings import Settings
from infra.config import FunctionConfig
from infra.names import PREFIX, Place, queue_name
from infra.stage import function_environment
from runtask.errors import AccountError, RuntaskError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Access:
    """Credentials that were checked to be of the stage's account."""

    session: boto3.Session
    place: Place
    identity: str


def offline_settings(config: FunctionConfig) -> Settings:
    """Return what the stage's handler would read a message with; no queue is asked for."""
    place = config.place
    queue = queue_name(config.stage, fifo=config.fifo)
    host = f"https://sqs.{place.region}.amazonaws.com/{place.account}"
    environment = function_environment(
        config,
        queue=f"{host}/{queue}",
        dead_letters=f"{host}/{PREFIX}{config.stage}-dlq",
        topic=place.arn("sns", f"{PREFIX}{config.stage}-failures"),
    )
    return Settings.from_environment(cast("Mapping[str, str]", environment))


def access(config: FunctionConfig) -> Access:
    """Return a session in the stage's account and region.

    Raises:
        AccountError: if there are no credentials, or they are of another account.
    """
    place = config.place
    try:
        # The profile may name another region; the stage lives in exactly one.
        session = boto3.Session(region_name=place.region)
        identity = checked_identity(session, config)
    except (BotoCoreError, ClientError) as error:
        raise AccountError(
            f"stage {config.stage} is in account {place.account}, and no credentials worked: "
            f"{error}; sign in (aws sso login) or set AWS_PROFILE"
        ) from None
    return Access(session=session, place=place, identity=identity)


def checked_identity(session: boto3.Session, config: FunctionConfig) -> str:
    """Return the ARN of whoever a session belongs to, in the stage's own account.

    Raises:
        AccountError: if it is of another account.
        ClientError: if the credentials are not valid; BotoCoreError if there are none.
    """
    identity = session.client("sts").get_caller_identity()
    if identity["Account"] != config.place.account:
        raise AccountError(
            f"stage {config.stage} is in account {config.place.account}, and the credentials are "
            f"of account {identity['Account']} ({identity['Arn']}); nothing was touched; use a "
            f"profile of account {config.place.account}"
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
            f"there is no queue {name} in account {access.place.account}, region "
            f"{access.place.region}; run: pulumi up -s {config.stage}"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise RuntaskError(f"queue {name} cannot be used by {access.identity}: {error}") from None
