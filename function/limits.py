"""Every limit that the handler keeps to, once, with its unit and its source."""

from __future__ import annotations

from typing import Final

# --- RunTask: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

MAX_TASKS: Final = 10
"""Tasks of one RunTask call, so also of one message."""

MAX_SUBNETS: Final = 16
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html"""

MAX_SECURITY_GROUPS: Final = 5
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html"""

MAX_OVERRIDES_LENGTH: Final = 8192
"""Characters of the overrides' JSON, its formatting included."""

MAX_TAGS: Final = 50

MAX_PLACEMENT_CONSTRAINTS: Final = 10

MAX_PLACEMENT_STRATEGIES: Final = 5

MAX_CAPACITY_PROVIDERS: Final = 20
"""Providers of one capacity provider strategy."""

MAX_REFERENCE_ID_LENGTH: Final = 1024

MAX_CLIENT_TOKEN_LENGTH: Final = 64
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html"""

MAX_STARTED_BY_LENGTH: Final = 128
"""Characters: letters, digits, `-`, `_`, `/`."""

# --- Ours

MAX_KEY_LENGTH: Final = 48
"""Characters of a message's key; the rest of the client token holds number and attempt."""

# Characters of a stage's name. `ecs-run-task/<stage>/<key>` has to fit `startedBy` (128), and
# `ecs-run-task-<stage>-function-<7 hex digits>` a role name (64).
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_STAGE_LENGTH: Final = 24

# A regular expression for the whole name: lower-case letters, digits and inner hyphens.
STAGE_PATTERN: Final = rf"[a-z](?:[a-z0-9-]{{0,{MAX_STAGE_LENGTH - 2}}}[a-z0-9])?"

# The log levels that a stage can be configured with.
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

MAX_LITERAL_LENGTH: Final = 65_536
"""Characters of a body that is read as a Python literal. Its parser needs some hundred times the
text in memory, and a message that asks for 8192 characters of overrides is far shorter."""

MAX_ERROR_LENGTH: Final = 1024
"""Characters of an error text in the dead-letter queue, a notice or a log line."""

MAX_AWS_TEXT_LENGTH: Final = 8192
"""Characters of a text from AWS that are looked at. Texts that quote a request can be long."""

# --- SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html

MAX_MESSAGE_BYTES: Final = 1_048_576
"""Bytes of a message: its body and the names, types and values of its attributes."""

MAX_MESSAGE_ATTRIBUTES: Final = 10

MAX_VISIBILITY_BATCH: Final = 10
"""Entries of one ChangeMessageVisibilityBatch call."""

# --- Time

LAUNCH_RESERVE_SECONDS: Final = 10.0
"""With less than this left of the invocation no launch is begun: a RunTask call may take
CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS, and what became of it has to be written down."""

CONNECT_TIMEOUT_SECONDS: Final = 2

READ_TIMEOUT_SECONDS: Final = 6

QUEUE_READ_TIMEOUT_SECONDS: Final = 2
"""SQS and SNS answer in milliseconds. What is begun with LAUNCH_RESERVE_SECONDS left, and tried
twice, has to end before the invocation does: a dead letter that was sent in an invocation that
then times out is sent again."""

BACKOFF_BASE_SECONDS: Final = 2
"""The longest wait after the first receive; it doubles with every further one."""

SLOW_BACKOFF_BASE_SECONDS: Final = 60
"""The same for what a person has to mend: nobody does that in two seconds."""

MAX_BACKOFF_SECONDS: Final = 900

MAX_WAITS: Final = 800
"""How often a message is sent back at the most, on the average, while the queue keeps it. SQS moves
it to the dead-letter queue, without a reason, after 1000 receives at the latest.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""

EXPIRY_MARGIN_SECONDS: Final = 900
"""How long before the end of its retention, less the longest backoff, a message is moved to the
dead-letter queue. It has to come back once more within that time: after its backoff, or after the
queue's visibility timeout (360 s) after a crash, and the function's timeout (60 s); the rest is for
a queue with messages in front of this one."""

MAX_HOLD_SECONDS: Final = 20.0
"""How long the breaker holds a batch before its messages go back."""

PROBE_INTERVAL_SECONDS: Final = 1.0
"""The wait before the first probe of a pool without capacity; it doubles up to MAX_HOLD_SECONDS."""

PROBE_LEASE_SECONDS: Final = 30.0
"""After this long a probe that never reported is taken for dead."""

LOOKUP_FAILURE_TTL_SECONDS: Final = 5.0
"""How long ECS is not asked again what it just failed to answer: each message of a batch would
wait for the same time-out otherwise."""

LOOKUP_TTL_SECONDS: Final = 300.0
"""How long the answer of DescribeServices or DescribeTaskDefinition is believed."""

NOTICE_INTERVAL_SECONDS: Final = 900.0
"""A failure of the environment is announced once in this time, by reason, not once a receive."""

# --- Size

THREADS: Final = 4
"""Threads of a batch, and connections of a client: each new TLS connection costs about 30 ms."""
