"""The layout of the picture of the infrastructure: boxes, cards and arrows on a grid."""

from __future__ import annotations

from typing import Final

from tools.diagram_parts import drawn, reference
from tools.registrations import DEV_ACCOUNT, PROD_ACCOUNT
from tools.svg import CARD_HEIGHT, CARD_WIDTH, Box, Point

# The grid, in pixels: four columns of cards within an account.
_GAP: Final = 36
_PAD: Final = 24
_HEADER: Final = 44
_OUTSIDE: Final = 24
_OUTSIDE_WIDTH: Final = 140
_ACCOUNT_X: Final = _OUTSIDE + _OUTSIDE_WIDTH + 32
# Between the third and the fourth column is the border of a stack.
_X: Final = tuple(
    _ACCOUNT_X + 16 + _PAD + offset
    for offset in (0, CARD_WIDTH + _GAP, 2 * (CARD_WIDTH + _GAP), 3 * (CARD_WIDTH + _GAP) + 20)
)
_STACK_X: Final = _X[0] - _PAD
_STACK_WIDTH: Final = _X[2] + CARD_WIDTH + _PAD - _STACK_X
_SIDE_X: Final = _X[3] - 16
_SIDE_WIDTH: Final = CARD_WIDTH + 32
_ACCOUNT_WIDTH: Final = _SIDE_X + _SIDE_WIDTH + 16 - _ACCOUNT_X

_DEV_Y: Final = 24
_DEV_STACK_Y: Final = _DEV_Y + _HEADER
_Y1: Final = _DEV_STACK_Y + _HEADER
_Y2: Final = _Y1 + CARD_HEIGHT + 56
_EVENTS_Y: Final = _Y2 + CARD_HEIGHT + 56
_Y3: Final = _EVENTS_Y + CARD_HEIGHT + 32
_DEV_STACK_BOTTOM: Final = _Y3 + CARD_HEIGHT + _PAD
_BOOTSTRAP_Y: Final = _DEV_STACK_BOTTOM + 44
_Y4: Final = _BOOTSTRAP_Y + _PAD
_BOOTSTRAP_BOTTOM: Final = _Y4 + CARD_HEIGHT + _HEADER
_DEV_BOTTOM: Final = _BOOTSTRAP_BOTTOM + 16
_PROD_Y: Final = _DEV_BOTTOM + 56
_PROD_STACK_Y: Final = _PROD_Y + _HEADER
_Y5: Final = _PROD_STACK_Y + _HEADER
_PROD_STACK_BOTTOM: Final = _Y5 + CARD_HEIGHT + _PAD
_PROD_BOTTOM: Final = _PROD_STACK_BOTTOM + 16

SIZE: Final = (_ACCOUNT_X + _ACCOUNT_WIDTH + 24, _PROD_BOTTOM + 24)


def _middle(y: int) -> int:
    return y + CARD_HEIGHT // 2


def _right(column: int, y: int) -> Point:
    return _X[column] + CARD_WIDTH, _middle(y)


def _left(column: int, y: int) -> Point:
    return _X[column], _middle(y)


BOXES: Final = (
    Box(
        title="Account dev",
        note=DEV_ACCOUNT,
        at=(_ACCOUNT_X, _DEV_Y),
        size=(_ACCOUNT_WIDTH, _DEV_BOTTOM - _DEV_Y),
        fill="surface",
    ),
    Box(
        title="Function stack dev",
        note="one per stage",
        at=(_STACK_X, _DEV_STACK_Y),
        size=(_STACK_WIDTH, _DEV_STACK_BOTTOM - _DEV_STACK_Y),
        fill="raised",
    ),
    Box(
        title="Amazon ECS",
        note="yours already",
        at=(_SIDE_X, _DEV_STACK_Y),
        size=(_SIDE_WIDTH, _HEADER + CARD_HEIGHT + _PAD),
        fill="surface",
        dashed=True,
    ),
    Box(
        title="Bootstrap stack dev-bootstrap",
        note="one per account",
        at=(_STACK_X, _BOOTSTRAP_Y),
        size=(_SIDE_X + _SIDE_WIDTH - _STACK_X, _BOOTSTRAP_BOTTOM - _BOOTSTRAP_Y),
        fill="raised",
        # An arrow leaves at the top.
        title_below=True,
    ),
    Box(
        title="Account prod",
        note=PROD_ACCOUNT,
        at=(_ACCOUNT_X, _PROD_Y),
        size=(_ACCOUNT_WIDTH, _PROD_BOTTOM - _PROD_Y),
        fill="surface",
    ),
    Box(
        title="Function stack prod",
        note="the same resources as dev",
        at=(_STACK_X, _PROD_STACK_Y),
        size=(_STACK_WIDTH, _PROD_STACK_BOTTOM - _PROD_STACK_Y),
        fill="raised",
    ),
    Box(
        title="Stack prod-bootstrap",
        note="",
        at=(_SIDE_X, _PROD_STACK_Y),
        size=(_SIDE_WIDTH, _PROD_STACK_BOTTOM - _PROD_STACK_Y),
        fill="raised",
    ),
)

DRAWN: Final = (
    drawn(
        (_OUTSIDE, _Y1),
        "people",
        "Senders",
        ("services, apps,", "runtask send"),
        width=_OUTSIDE_WIDTH,
    ),
    drawn(
        (_OUTSIDE, _Y4),
        "people",
        "Deployers",
        ("administrators,", "GitHub Actions"),
        "*-bootstrap iam/openIdConnectProvider:*",
        width=_OUTSIDE_WIDTH,
    ),
    drawn(
        (_X[0], _Y1),
        "messages",
        "Work queue",
        ("SQS, standard or FIFO", "encrypted, TLS only"),
        "dev sqs/queue:Queue ecs-run-task-dev",
        "dev sqs/queuePolicy:* ecs-run-task-dev-policy",
    ),
    drawn(
        (_X[1], _Y1),
        "compute",
        "Event source mapping",
        ("batches, partial failures,", "limited concurrency"),
        "dev lambda/eventSourceMapping:*",
    ),
    drawn(
        (_X[2], _Y1),
        "compute",
        "Lambda function",
        ("alias live; calls RunTask,", "paced to the quota"),
        "dev lambda/function:*",
        "dev lambda/alias:*",
    ),
    drawn((_X[3], _Y1), "compute", "Tasks", ("on your clusters, from", "your task definitions")),
    drawn(
        (_X[0], _Y2),
        "messages",
        "Dead-letter queue",
        ("rejected messages,", "each with its reason"),
        "dev sqs/queue:Queue ecs-run-task-dev-dlq",
        "dev sqs/queuePolicy:* ecs-run-task-dev-dlq-policy",
        "dev sqs/redriveAllowPolicy:* ecs-run-task-dev-dlq-redrive",
    ),
    drawn(
        (_X[1], _Y2),
        "storage",
        "Ledger",
        ("DynamoDB: what became", "of each key"),
        "dev dynamodb/*",
    ),
    drawn(
        (_X[2], _Y2),
        "messages",
        "Failure topic",
        ("SNS: rejected messages,", "alarms; email to operators"),
        "dev sns/*",
        "dev cloudwatch/metricAlarm:*",
    ),
    drawn(
        (_X[0], _EVENTS_Y),
        "storage",
        "Dashboard",
        ("CloudWatch: launches,", "outcomes, waiting, pace"),
        "dev cloudwatch/dashboard:*",
    ),
    drawn(
        (_X[1], _EVENTS_Y),
        "messages",
        "Events queue",
        ("events, reports, sweeps;", "its own dead-letter queue"),
        "dev sqs/* ecs-run-task-dev-events*",
    ),
    drawn(
        (_X[2], _EVENTS_Y),
        "messages",
        "Event rules",
        ("EventBridge: tasks of the", "stage; a sweep a minute"),
        "dev cloudwatch/eventRule:*",
        "dev cloudwatch/eventTarget:*",
    ),
    drawn(
        (_X[0], _Y3),
        "security",
        "KMS key",
        ("encrypts queues, topic,", "table, log, environment"),
        "dev kms/*",
    ),
    drawn(
        (_X[1], _Y3),
        "storage",
        "Log group",
        ("CloudWatch Logs,", "JSON, encrypted"),
        "dev cloudwatch/logGroup:*",
    ),
    drawn(
        (_X[2], _Y3),
        "security",
        "Execution role",
        ("RunTask for the allow-list", "of the configuration only"),
        "dev iam/*",
    ),
    drawn(
        (_X[0], _Y4),
        "security",
        "Deploy and read role",
        ("manage and read only", "what is ecs-run-task-*"),
        "dev-bootstrap iam/role:*",
        "dev-bootstrap iam/rolePolicy:*",
    ),
    drawn(
        (_X[1], _Y4),
        "security",
        "KMS key",
        ("encrypts artifacts", "and nothing else"),
        "dev-bootstrap kms/*",
    ),
    drawn(
        (_X[2], _Y4),
        "security",
        "Permissions boundary",
        ("of every role that the", "deploy role creates"),
        "dev-bootstrap iam/policy:*",
    ),
    drawn(
        (_X[3], _Y4),
        "storage",
        "Artifact bucket",
        ("builds by their SHA-256;", "a log of all accesses"),
        "dev-bootstrap s3/*",
        "dev s3/bucketObjectv2:*",
    ),
    drawn(
        (_X[0], _Y5),
        "messages",
        "Work queue",
        ("its own dead-letter queue,", "topic, ledger, KMS key"),
        "prod sqs/*",
        "prod sns/*",
        "prod kms/*",
        "prod dynamodb/*",
    ),
    drawn(
        (_X[1], _Y5),
        "compute",
        "Event source mapping",
        ("its own limits",),
        "prod lambda/eventSourceMapping:*",
    ),
    drawn(
        (_X[2], _Y5),
        "compute",
        "Lambda function",
        ("runs the promoted bytes;", "its own role and log"),
        "prod lambda/function:*",
        "prod lambda/alias:*",
        "prod iam/*",
        "prod cloudwatch/*",
    ),
    drawn(
        (_X[3], _Y5),
        "storage",
        "Artifact bucket",
        ("promoted artifacts; key,", "roles, log as in dev"),
        "prod-bootstrap s3/*",
        "prod-bootstrap kms/*",
        "prod-bootstrap iam/role:*",
        "prod-bootstrap iam/rolePolicy:*",
        "prod-bootstrap iam/policy:*",
    ),
)

# The line between the first two rows on which arrows turn.
_BUS_Y: Final = _Y1 + CARD_HEIGHT + 30

REFERENCES: Final = (
    reference(
        "dev sqs/queuePolicy:* ecs-run-task-dev-policy",
        "events.amazonaws.com",
        ((_OUTSIDE + _OUTSIDE_WIDTH, _middle(_Y1)), _left(0, _Y1)),
    ),
    reference(
        "dev lambda/eventSourceMapping:*",
        "dev sqs/queue:Queue ecs-run-task-dev",
        (_right(0, _Y1), _left(1, _Y1)),
    ),
    reference(
        "dev lambda/eventSourceMapping:*", "dev lambda/alias:*", (_right(1, _Y1), _left(2, _Y1))
    ),
    reference("dev iam/rolePolicy:*", "ecs:RunTask", (_right(2, _Y1), _left(3, _Y1))),
    reference(
        "dev cloudwatch/eventRule:*",
        "aws.ecs",
        (
            (_X[3] + 40, _Y1 + CARD_HEIGHT),
            (_X[3] + 40, _middle(_EVENTS_Y)),
            _right(2, _EVENTS_Y),
        ),
        label="events",
        label_at=(_X[3] + 34, _middle(_EVENTS_Y) - 10),
        anchor="end",
    ),
    reference(
        "dev cloudwatch/eventTarget:*",
        "dev sqs/queue:Queue ecs-run-task-dev-events",
        (_left(2, _EVENTS_Y), _right(1, _EVENTS_Y)),
    ),
    reference(
        "dev lambda/eventSourceMapping:* ecs-run-task-dev-events-source",
        "dev sqs/queue:Queue ecs-run-task-dev-events",
        (
            (_X[1] + CARD_WIDTH - 40, _EVENTS_Y),
            (_X[1] + CARD_WIDTH - 40, _EVENTS_Y - 24),
            (_X[2] - _GAP // 2, _EVENTS_Y - 24),
            (_X[2] - _GAP // 2, _middle(_Y1) + 24),
            (_X[2], _middle(_Y1) + 24),
        ),
        label="by a mapping of its own",
        label_at=(_X[1] + CARD_WIDTH - 48, _EVENTS_Y - 16),
        anchor="end",
    ),
    reference(
        "dev sqs/queue:Queue ecs-run-task-dev",
        "dev sqs/queue:Queue ecs-run-task-dev-dlq",
        ((_X[0] + 36, _Y1 + CARD_HEIGHT), (_X[0] + 36, _Y2)),
        label="after 1000 receives",
        label_at=(_X[0] + 44, _Y2 - 10),
        anchor="start",
    ),
    reference(
        "dev lambda/function:*",
        "dev sqs/queue:Queue ecs-run-task-dev-dlq",
        (
            (_X[2] + 36, _Y1 + CARD_HEIGHT),
            (_X[2] + 36, _BUS_Y),
            (_X[0] + 192, _BUS_Y),
            (_X[0] + 192, _Y2),
        ),
        label="rejected messages",
        label_at=(_X[1] + CARD_WIDTH // 2, _BUS_Y - 8),
    ),
    reference(
        "dev lambda/function:*",
        "dev sns/topic:*",
        ((_X[2] + 84, _Y1 + CARD_HEIGHT), (_X[2] + 84, _Y2)),
        label="notifies",
        label_at=(_X[2] + 92, _Y2 - 10),
        anchor="start",
    ),
    reference(
        "dev lambda/function:*",
        "dev dynamodb/table:*",
        (
            (_X[2] + 60, _Y1 + CARD_HEIGHT),
            (_X[2] + 60, _BUS_Y + 12),
            (_X[1] + CARD_WIDTH - 36, _BUS_Y + 12),
            (_X[1] + CARD_WIDTH - 36, _Y2),
        ),
    ),
    reference(
        "dev lambda/function:*",
        "dev-bootstrap s3/bucket:*",
        (
            (_X[3] + 104, _Y4),
            (_X[3] + 104, _BUS_Y + 2),
            (_X[2] + 172, _BUS_Y + 2),
            (_X[2] + 172, _Y1 + CARD_HEIGHT),
        ),
        label="code, by SHA-256",
        label_at=(_X[3] + 112, _Y3 - 16),
        anchor="start",
    ),
    reference(
        "dev iam/role:*",
        "dev-bootstrap iam/policy:*",
        (
            (_X[2] + CARD_WIDTH // 2, _Y4),
            (_X[2] + CARD_WIDTH // 2, _Y3 + CARD_HEIGHT),
        ),
        label="limits",
        label_at=(_X[2] + CARD_WIDTH // 2 + 8, _DEV_STACK_BOTTOM + 27),
        anchor="start",
    ),
    reference(
        "dev-bootstrap iam/role:*",
        "dev-bootstrap iam/openIdConnectProvider:*",
        ((_OUTSIDE + _OUTSIDE_WIDTH, _middle(_Y4)), _left(0, _Y4)),
    ),
    reference(
        "dev-bootstrap iam/rolePolicy:*",
        "lambda:CreateFunction",
        (
            (_X[0] + CARD_WIDTH // 2, _Y4),
            (_X[0] + CARD_WIDTH // 2, _DEV_STACK_BOTTOM),
        ),
        label="deploys",
        label_at=(_X[0] + CARD_WIDTH // 2 + 8, _DEV_STACK_BOTTOM + 27),
        anchor="start",
    ),
    reference(
        "prod-bootstrap iam/rolePolicy:*",
        DEV_ACCOUNT,
        ((_X[3] + 190, _Y4 + CARD_HEIGHT), (_X[3] + 190, _Y5)),
        label="runtask promote copies the artifact, byte for byte",
        label_at=(_X[3] + 180, _DEV_BOTTOM + 33),
        anchor="end",
    ),
    reference(
        "prod lambda/function:*", "prod-bootstrap s3/bucket:*", (_left(3, _Y5), _right(2, _Y5))
    ),
    reference(
        "prod lambda/eventSourceMapping:*",
        "prod sqs/queue:Queue ecs-run-task-prod",
        (_right(0, _Y5), _left(1, _Y5)),
    ),
    reference(
        "prod lambda/eventSourceMapping:*", "prod lambda/alias:*", (_right(1, _Y5), _left(2, _Y5))
    ),
)
