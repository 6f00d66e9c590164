"""A stage in moto, with histories as its function would have written them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import boto3

from function.outcomes.history import Asked, Container, History, Rejection, Run
from function.outcomes.states import State
from function.outcomes.store import HistoryStore
from function.table import Table
from infra.names import ledger_table_name
from tests.model.dynamodb import LISTED_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION: Final = "eu-central-1"
ACCOUNT: Final = "111111111111"
STAGE: Final = "dev"

_RETENTION_SECONDS: Final = 86_400.0


class OperatorStage:
    """The table of a stage."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.name = ledger_table_name(STAGE)
        self.dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "key", "AttributeType": "S"},
                {"AttributeName": "listed", "AttributeType": "S"},
                {"AttributeName": "listed_at", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[LISTED_INDEX],
        )
        self.store = HistoryStore(Table(self.dynamodb, self.name), _RETENTION_SECONDS)

    def put(self, history: History) -> None:
        """Write a history as the function does."""
        self.store.save(self.store.load(history.key), history)

    def put_launch(self, key: str, **attributes: Mapping[str, Any]) -> None:
        """Write what the launch of a key leaves, without a history."""
        item = {
            "key": {"S": key},
            "request": {"S": "0" * 64},
            "count": {"N": "1"},
            "attempt": {"N": "1"},
            "expires": {"N": str(int(time.time() + _RETENTION_SECONDS))},
            **attributes,
        }
        self.dynamodb.put_item(TableName=self.name, Item=item)

    def put_launch_of_history(self, key: str, *, attempt: int) -> None:
        """Add what the launch of a key leaves to its history."""
        self.dynamodb.update_item(
            TableName=self.name,
            Key={"key": {"S": key}},
            UpdateExpression="SET #request = :request, #count = :count, attempt = :attempt",
            ExpressionAttributeNames={"#request": "request", "#count": "count"},
            ExpressionAttributeValues={
                ":request": {"S": "0" * 64},
                ":count": {"N": "1"},
                ":attempt": {"N": str(attempt)},
            },
        )


def task_arn(number: int, cluster: str = "batch") -> str:
    """Return the ARN of a task."""
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/{number:032x}"


def asked(**changes: Any) -> Asked:
    """Return what a message asked for."""
    base = Asked(
        digest="0" * 64,
        parameters={"taskDefinition": "report:3", "cluster": "batch", "launchType": "FARGATE"},
        containers=("app",),
        count=1,
        group=None,
        limits={},
        message_id="11111111-2222-3333-4444-555555555555",
        queued_at=time.time() - 100,
        launched_at=time.time() - 90,
    )
    return replace(base, **changes)


def run(number: int = 1, **changes: Any) -> Run:
    """Return a task that ended with exit code 7."""
    now = time.time()
    base = Run(
        arn=task_arn(number),
        version=5,
        status="STOPPED",
        stop_code="EssentialContainerExited",
        stop_reason="Essential container in task exited",
        task_definition=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:3",
        cluster=f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/batch",
        created_at=now - 88,
        started_at=now - 80,
        stopped_at=now - 20,
        containers=(
            Container(name="app", ran=True, exit_code=7),
            Container(name="aws-guardduty-agent-x1", ran=True, exit_code=137),
        ),
    )
    return replace(base, **changes)


def make_service(*containers: dict[str, Any]) -> str:
    """Make a cluster, a task definition of these containers and a service; return the definition.

    Returns:
        The ARN of the task definition.
    """
    ecs: Any = boto3.client("ecs", region_name=REGION)
    ecs.create_cluster(clusterName="batch")
    answer = ecs.register_task_definition(
        family="report",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=list(containers),
    )
    ecs.create_service(
        cluster="batch",
        serviceName="report-service",
        taskDefinition="report",
        desiredCount=0,
        launchType="FARGATE",
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def rejected(key: str, rejection: Rejection) -> History:
    """Return the history of a message that was rejected as `not-allowed`."""
    return failed(
        key,
        state=State.REJECTED,
        reason="not-allowed",
        asked=None,
        runs=(),
        rejection=rejection,
        exit_code=None,
    )


def failed(key: str, **changes: Any) -> History:
    """Return the history of a key whose task ended with exit code 7."""
    base = History(
        key=key,
        state=State.FAILED,
        reason="exit-code",
        asked=asked(),
        runs=(run(),),
        exit_code=7,
        first_seen_at=time.time() - 89,
        finished_at=time.time() - 20,
    )
    return replace(base, **changes)
