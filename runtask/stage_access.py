"""A stage as an operator works with it: a checked session, and the names of what it has.

Everything but the dead-letter queue has a name that follows from the stage's, so no stack is asked.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.names import events_queue_name, ledger_table_name, log_group_name, queue_name, stage_name
from runtask.account import sign_in
from runtask.errors import AccountError, RuntaskError
from runtask.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.config import FunctionConfig
    from runtask.account import AccountSession
    from runtask.profiles import Profiles
    from runtask.project import Project

# Codes of credentials that were valid when the command began.
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"}
)

# An operator's commands may wait: the calls of all who work in the account share its rates.
_RETRIES: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 8})


@dataclass(frozen=True, kw_only=True)
class StageAccess:
    """A stage, and a session in its account.

    Attributes:
        config: The stage's configuration.
        account: The operator's session.
        output: Returns the output of a container in a rehearsal; None for real accounts.
    """

    config: FunctionConfig
    account: AccountSession
    output: Callable[[str, str], str] | None = None

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.config.stage

    @property
    def stack(self) -> str:
        """The name of the stage's resources, as an operator sees it in the console."""
        return stage_name(self.stage)

    @property
    def has_histories(self) -> bool:
        """Whether the stage remembers what becomes of its tasks."""
        return self.config.outcomes

    @property
    def ledger_table(self) -> str:
        """The table with an item for each key."""
        return ledger_table_name(self.stage)

    @property
    def log_group(self) -> str:
        """The log group of the stage's function."""
        return log_group_name(self.stage)

    @cached_property
    def queue_url(self) -> str:
        """The URL of the work queue."""
        return self.url_of(queue_name(self.stage, fifo=self.config.fifo))

    @cached_property
    def dead_letter_queue_url(self) -> str:
        """The URL of the dead-letter queue, which the work queue names."""
        sqs = self.client("sqs")
        with self.asking("the work queue", "sqs:GetQueueAttributes"):
            found = sqs.get_queue_attributes(
                QueueUrl=self.queue_url, AttributeNames=["RedrivePolicy"]
            )
        policy = json.loads(found["Attributes"]["RedrivePolicy"])
        return self.url_of(str(policy["deadLetterTargetArn"]).rpartition(":")[2])

    @cached_property
    def events_queue_url(self) -> str | None:
        """The URL of the queue of what becomes of tasks; None if the stage has none."""
        return self.url_of(events_queue_name(self.stage)) if self.has_histories else None

    def client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client of the operator's session."""
        session: Any = self.account.session
        return session.client(service, config=_RETRIES)

    def url_of(self, queue: str) -> str:
        """Return the URL of a queue.

        Raises:
            RuntaskError: if it does not exist, or the operator may not use it.
        """
        sqs = self.client("sqs")
        with self.asking(f"queue {queue}", "sqs:GetQueueUrl"):
            try:
                return str(sqs.get_queue_url(QueueName=queue)["QueueUrl"])
            except sqs.exceptions.QueueDoesNotExist:
                raise self.missing(f"queue {queue}") from None

    def missing(self, what: str) -> RuntaskError:
        """Return the error that something of the stage does not exist."""
        location = self.config.location
        return RuntaskError(
            f"there is no {what} in account {location.account}, region {location.region}; run: "
            f"pulumi up -s {self.stage}"
        )

    @contextlib.contextmanager
    def asking(self, what: str, *actions: str) -> Iterator[None]:
        """Make errors of AWS inside of the block ones that name the operator and the fix.

        Args:
            what: What is asked, such as `queue x`.
            *actions: The IAM actions that the operator needs for it.

        Raises:
            AccountError: if the credentials have expired.
            RuntaskError: if AWS rejects a request, or does not answer.
        """
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _EXPIRED:
                raise AccountError(
                    f"the credentials for stage {self.stage} have expired: {error}; sign in again "
                    "(aws sso login), then repeat the command"
                ) from None
            needs = f"; it needs {' and '.join(actions)}" if "AccessDenied" in code else ""
            raise RuntaskError(f"{self.account.identity}: {what}: {error}{needs}") from None
        except BotoCoreError as error:
            raise RuntaskError(f"{self.account.identity}: {what}: {error}") from None

    def __str__(self) -> str:
        """Name account, region and stack, before something is changed."""
        location = self.config.location
        return f"account {location.account}, region {location.region}, stack {self.stack}"


def open_stage(project: Project, stage: str, profiles: Profiles) -> StageAccess:
    """Return a stage, after the account of the operator's credentials was checked.

    Args:
        project: The Pulumi files.
        stage: The stage.
        profiles: The AWS profiles of the stages.

    Raises:
        ProjectError: if a file is missing or invalid.
        AccountError: if the credentials are missing, invalid or of another account.
    """
    config = project.stage_config(stage)
    found = surroundings(project, profiles)
    return StageAccess(config=config, account=sign_in(config, found.sessions), output=found.output)
