"""The limits of AWS that the program's values must keep, each with its unit and its source."""

# A function's timeout and memory.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
from __future__ import annotations

FUNCTION_TIMEOUT_SECONDS = range(1, 900 + 1)
FUNCTION_MEMORY_MEGABYTES = range(128, 10_240 + 1)
FUNCTION_ENVIRONMENT_BYTES = 4096

# What of these the allow-list may take; URLs, ARNs and numbers take the rest.
ALLOW_LIST_BYTES = FUNCTION_ENVIRONMENT_BYTES - 1024

# The handler begins no launch with less than 10 s left: with less than twice that it would begin
# hardly any, and every message would go round.
FUNCTION_TIMEOUT_MINIMUM_SECONDS = 20

# How long a message stays invisible, so that Lambda has time to retry a throttled batch.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT = 6

# Visibility timeout, retention and receive count of a queue; 0 to 12 h, 1 minute to 14 days.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
QUEUE_VISIBILITY_TIMEOUT_SECONDS = range(43_200 + 1)
QUEUE_RETENTION_DAYS = range(1, 14 + 1)
DAY_SECONDS = 24 * 60 * 60
QUEUE_MAX_RECEIVE_COUNT = 1000

# Batch size, window and concurrency of an event source mapping for SQS. A batch of more than ten
# needs a window of at least one second; a FIFO queue has batches of ten at most, and no window.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
BATCH_SIZE = range(1, 10_000 + 1)
BATCH_SIZE_WITHOUT_WINDOW = 10
BATCHING_WINDOW_SECONDS = range(300 + 1)
MAXIMUM_CONCURRENCY = range(2, 1000 + 1)

# RunTask calls a second: AWS grants 20 sustained; the upper end is only a guard against a typo.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
LAUNCH_RATE_PER_SECOND = range(1, 1000 + 1)

# What one instance of the function can launch: it has this many calls under way at once, and each
# takes about this long. The handler's number of threads is its own; a test holds the two together.
LAUNCH_THREADS = 4
RUN_TASK_LATENCY_MILLISECONDS = range(10, 5000 + 1)

# Retentions that CloudWatch Logs takes, in days.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# Days between a key's deletion being asked for and done.
# https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
KEY_DELETION_WINDOW_DAYS = 30

# The longest stage name. `ecs-run-task/<stage>/<key of 48>` must fit `startedBy` (128), and
# `ecs-run-task-<stage>-function-<7 hex>` must fit a role name (64).
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
STAGE_NAME_CHARACTERS = 24
