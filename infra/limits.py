"""The limits that the program's values must keep, each with its unit and its source.

A limit that the handler keeps too stands in `function.limits` alone.
"""

from __future__ import annotations

from typing import Final

from function.limits import (
    EPHEMERAL_STORAGE_GIBIBYTES as TASK_EPHEMERAL_STORAGE_GIBIBYTES,
)
from function.limits import (
    LAUNCH_RESERVE_SECONDS,
    MAX_TASKS,
    MAX_VISIBILITY_TIMEOUT_SECONDS,
    VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT,
)

# --- Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html

# The handler begins no launch with less than LAUNCH_RESERVE_SECONDS left. A timeout of less than
# twice that would leave it hardly any time to launch, and messages would only circulate. The queue
# hides a message for several timeouts, and no longer than a client token can be relied on.
TIMEOUT_SECONDS: Final = range(
    2 * int(LAUNCH_RESERVE_SECONDS),
    MAX_VISIBILITY_TIMEOUT_SECONDS // VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT + 1,
)

MEMORY_MEGABYTES: Final = range(128, 10_240 + 1)

# Bytes of all of a function's environment variables together.
MAX_ENVIRONMENT_BYTES: Final = 4096

# Batch size, batching window and concurrency of an event source mapping for SQS. A larger batch
# than MAX_BATCH_SIZE_WITHOUT_WINDOW needs a window of at least one second; a FIFO queue has neither
# larger batches nor a window.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
BATCH_SIZE: Final = range(1, 10_000 + 1)
MAX_BATCH_SIZE_WITHOUT_WINDOW: Final = 10
BATCHING_WINDOW_SECONDS: Final = range(300 + 1)
MAXIMUM_CONCURRENCY: Final = range(2, 1000 + 1)

# --- SQS
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html

QUEUE_RETENTION_DAYS: Final = range(1, 14 + 1)

# The highest that SQS takes.
MAX_RECEIVE_COUNT: Final = 1000

# A message is retried for as long as a queue can keep it, at the longest.
ENVIRONMENT_MAX_AGE_MINUTES: Final = range(1, max(QUEUE_RETENTION_DAYS) * 24 * 60 + 1)

# --- ECS

# Calls or tasks per second, and at once; 0 is what AWS grants every account, see `function.limits`.
# The upper ends only guard against typos.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
LAUNCH_RATE: Final = range(1000 + 1)
LAUNCH_BURST: Final = range(10_000 + 1)

# Duration of a RunTask call. It bounds the rate that the threads of one instance can reach.
RUN_TASK_LATENCY_MILLISECONDS: Final = range(10, 5000 + 1)

# What a message may ask for, at the most. 0 tasks a day is no limit; the upper end guards against
# typos.
COUNT: Final = range(1, MAX_TASKS + 1)
TASKS_PER_DAY: Final = range(10_000_000 + 1)

# Of a task: CPU units and MiB of memory. The largest container instances have 192 vCPU and more
# memory than any Fargate task.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
TASK_CPU_UNITS: Final = range(128, 192 * 1024 + 1)
TASK_MEMORY_MEBIBYTES: Final = range(6, 4 * 1024 * 1024 + 1)

# GiB of ephemeral storage: what every task on Fargate has, and the most that one can have.
EPHEMERAL_STORAGE_GIBIBYTES: Final = range(20, max(TASK_EPHEMERAL_STORAGE_GIBIBYTES) + 1)

# GiB of an EBS volume. https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html
EBS_VOLUME_GIBIBYTES: Final = range(1, 65_536 + 1)

# --- The ledger. DynamoDB keeps an item for as long as it is told to.

KEY_RETENTION_DAYS: Final = range(2, 10 * 365 + 1)

# --- CloudWatch Logs
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html

LOG_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# --- KMS: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html

# Days between the request to delete a key and its deletion; the longest possible.
KMS_KEY_DELETION_WINDOW_DAYS: Final = 30

# --- Ours

ARTIFACT_RETENTION_DAYS: Final = range(1, 10 * 365 + 1)
ACCESS_LOG_RETENTION_DAYS: Final = range(1, 10 * 365 + 1)

PAYLOAD_RETENTION_DAYS: Final = range(1, 365 + 1)

# Only an alarm; the upper end guards against typos.
VCPU_HOURS_PER_DAY: Final = range(10_000_000 + 1)

# Deliveries of an event before it is moved to the dead-letter queue of the events. With the
# visibility timeout of six times the function's it outlasts ten hours without a ledger.
MAX_EVENT_RECEIVES: Final = 100

# --- Units

DAY_SECONDS: Final = 24 * 60 * 60
DAY_MINUTES: Final = 24 * 60
MINUTE_SECONDS: Final = 60
