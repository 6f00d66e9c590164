"""Every limit of the handler, once, with its unit and its source.

The program in `infra` imports what it has to validate by the same rule before a deployment.
"""

from __future__ import annotations

from typing import Final

# --- RunTask: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

# Tasks of one RunTask call, and of one message.
MAX_TASKS: Final = 10

# Of one awsvpc configuration.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
MAX_SUBNETS: Final = 16
MAX_SECURITY_GROUPS: Final = 5

# Characters of the overrides as JSON, whitespace included.
MAX_OVERRIDES_LENGTH: Final = 8192

MAX_TAGS: Final = 50
MAX_PLACEMENT_CONSTRAINTS: Final = 10
MAX_PLACEMENT_STRATEGIES: Final = 5

# Providers in one capacity provider strategy.
MAX_CAPACITY_PROVIDERS: Final = 20

# Characters.
MAX_REFERENCE_ID_LENGTH: Final = 1024

# Characters of a service's name or ARN: as of any name in ECS, with the ARN's prefix and cluster.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
MAX_SERVICE_NAME_LENGTH: Final = 255

# GiB of a task's ephemeral storage on Fargate.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EphemeralStorage.html
EPHEMERAL_STORAGE_GIBIBYTES: Final = range(21, 200 + 1)

# Characters of a tag's key and value. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
MAX_TAG_KEY_LENGTH: Final = 128
MAX_TAG_VALUE_LENGTH: Final = 256

# --- Rates of an account in a region: per second, and at once
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html

# RunTask and the other calls that change tasks.
RUN_TASK_RATE: Final = 40
RUN_TASK_BURST: Final = 100

# RunTask calls for Fargate, besides.
FARGATE_RUN_TASK_RATE: Final = 20
FARGATE_RUN_TASK_BURST: Final = 20

# Tasks launched on Fargate; on demand and Spot have these numbers each.
FARGATE_LAUNCH_RATE: Final = 20
FARGATE_LAUNCH_BURST: Final = 100

# The same in the smaller and newer regions.
SMALL_REGION_FARGATE_LAUNCH_RATE: Final = 5
SMALL_REGION_FARGATE_LAUNCH_BURST: Final = 25

# The regions that existed before the smaller quotas. Elsewhere the smaller ones are assumed: a
# stage with the larger ones says so in its configuration.
# https://docs.aws.amazon.com/general/latest/gr/ecs-service.html
LARGE_REGIONS: Final = frozenset(
    {
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
        *("ap-southeast-1", "ap-southeast-2", "ca-central-1", "cn-north-1", "cn-northwest-1"),
        *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)

# The launches that an execution environment makes at once after a pause: one batch.
BATCH_BURST: Final = 10

# --- Names

# Characters of an idempotency key. With the stage's hash and the attempt it has to fit a client
# token (64).
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
MAX_KEY_LENGTH: Final = 48

# Characters of a stage's name. `ecs-run-task/<stage>/<key>` has to fit `startedBy` (128), and
# `ecs-run-task-<stage>-function-<7 hex digits>` a role name (64).
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_STAGE_LENGTH: Final = 24

# A regular expression for the whole name: lower-case letters, digits and inner hyphens.
STAGE_PATTERN: Final = rf"[a-z](?:[a-z0-9-]{{0,{MAX_STAGE_LENGTH - 2}}}[a-z0-9])?"

# The log levels that a stage can be configured with.
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

# Which revisions of a task definition a message may name where the patterns of the stage leave that
# open.
LATEST_REVISION: Final = "latest"
ANY_REVISION: Final = "any"
TASK_DEFINITION_REVISIONS: Final = (LATEST_REVISION, ANY_REVISION)

# What a sender may choose where an environment variable is missing. The infrastructure leaves out
# each one that would say the same, because Lambda limits the size of all of them together.
SENDER_DEFAULTS: Final = {
    "TASK_DEFINITION_REVISIONS": "latest",
    "TASK_ROLES": "[]",
    "EXECUTION_ROLES": "[]",
    "VOLUME_ROLES": "[]",
    "SUBNETS": "[]",
    "SECURITY_GROUPS": "[]",
    "PUBLIC_IP": "false",
    "EXECUTE_COMMAND": "false",
    "EBS_VOLUMES": "false",
    "EBS_SNAPSHOTS": "[]",
    "MAX_EBS_VOLUME_GIBIBYTES": "100",
    "LAUNCH_TYPES": '["FARGATE"]',
    "CAPACITY_PROVIDERS": '["FARGATE", "FARGATE_SPOT"]',
    "MAX_TASK_CPU_UNITS": "4096",
    "MAX_TASK_MEMORY_MEBIBYTES": "30720",
    "MAX_EPHEMERAL_STORAGE_GIBIBYTES": "200",
    "MAX_COUNT": "10",
    "MAX_TASKS_PER_DAY": "0",
    "TAG_KEYS": "[]",
    "ENVIRONMENT_FILES": "[]",
}

# --- Texts

# Characters of a body that is parsed as a Python literal. The parser needs about a hundred times
# the text's size in memory, and a message with 8192 characters of overrides is far shorter.
MAX_LITERAL_LENGTH: Final = 65_536

# Values in such a body, and how deeply they may be nested.
MAX_LITERAL_NODES: Final = 10_000
MAX_LITERAL_DEPTH: Final = 50

# Digits of a number: no parameter of RunTask has more, and Python refuses to print thousands.
MAX_NUMBER_DIGITS: Final = 20

# Characters of an error in a dead letter, a notification or a log line.
MAX_ERROR_LENGTH: Final = 1024

# Characters of an AWS error message that are examined; one that quotes the request can be long.
MAX_AWS_TEXT_LENGTH: Final = 8192

# --- SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html

# Bytes of a message: its body and the names, types and values of its attributes.
MAX_MESSAGE_BYTES: Final = 1_048_576

# The same in a queue that was made with the former maximum.
FORMER_MAX_MESSAGE_BYTES: Final = 262_144

MAX_MESSAGE_ATTRIBUTES: Final = 10

# A message can be invisible for 12 hours after a receive. This leaves room for the rest of the
# invocation.
MAX_INVISIBLE_SECONDS: Final = 42_000

# Entries of one ChangeMessageVisibilityBatch call.
MAX_VISIBILITY_BATCH: Final = 10

# Entries of one SendMessageBatch call, which together may be as long as one message.
MAX_SEND_BATCH: Final = 10

# Bytes of a report to the events queue, so that ten of them fit one call.
MAX_REPORT_BYTES: Final = MAX_MESSAGE_BYTES // MAX_SEND_BATCH - 1024

# --- SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html

# Characters of a notification's subject.
MAX_SUBJECT_LENGTH: Final = 100

# --- Time within one invocation

# With less than this left of the invocation no launch is started: a RunTask call may take
# CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS, and its result has to be recorded afterwards.
LAUNCH_RESERVE_SECONDS: Final = 10.0

CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 6

# SQS and SNS respond in milliseconds. A call that starts with LAUNCH_RESERVE_SECONDS left and is
# tried twice has to end before the invocation does: if the invocation times out after it has sent
# a dead letter, the next one sends the dead letter again.
QUEUE_READ_TIMEOUT_SECONDS: Final = 2

# With less than this left of the invocation no report is sent: a call to SQS may be tried twice.
REPORT_RESERVE_SECONDS: Final = 2 * (CONNECT_TIMEOUT_SECONDS + QUEUE_READ_TIMEOUT_SECONDS) + 0.5

# S3 takes a payload of a mebibyte in tenths of a second.
PAYLOAD_READ_TIMEOUT_SECONDS: Final = 3

# --- Backoff and expiry

# The longest wait after the first receive; it doubles with each further receive.
BACKOFF_BASE_SECONDS: Final = 2

# The same for failures that an operator has to fix.
SLOW_BACKOFF_BASE_SECONDS: Final = 60

MAX_BACKOFF_SECONDS: Final = 900

# How often, on average, a message may return to the queue during its whole retention. SQS moves it
# to the dead-letter queue, without a reason, after 1000 receives.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
MAX_AVERAGE_RECEIVES: Final = 800

# A message that still fails moves to the dead-letter queue before the end of its retention. Within
# the time that is left it has to be received once more: after its backoff, or after a crash, which
# costs the queue's visibility timeout and the function's timeout. This is left for other messages
# in front of it.
EXPIRY_RESERVE_SECONDS: Final = 480

# The visibility timeout of the work queue in function timeouts.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT: Final = 6

# --- Client tokens: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html

# A call is repeated with its client token only within this time. The token lives for at least an
# hour after its tasks were created, and for so long ECS lists a stopped task, too.
MAX_REPLAY_SECONDS: Final = 3000

# The longest visibility timeout of the work queue: after a crash, the message has to be back while
# its client token is safe to repeat.
MAX_VISIBILITY_TIMEOUT_SECONDS: Final = MAX_REPLAY_SECONDS - 300

# How long after an answer the next attempt waits, so that ListTasks shows every task before it.
MIN_ATTEMPT_INTERVAL_SECONDS: Final = 3

# The same where another delivery of the key may still be at work: its call can begin
# TABLE_READ_TIMEOUT_SECONDS after it was announced, and take as long as a call may take.
MIN_CONTENDED_INTERVAL_SECONDS: Final = 20

# --- DynamoDB

TABLE_CONNECT_TIMEOUT_SECONDS: Final = 1
TABLE_READ_TIMEOUT_SECONDS: Final = 2

# After a failed call the table is not asked again for this long where nothing depends on it.
TABLE_FAILURE_SECONDS: Final = 5.0

# --- Capacity

# How long an open circuit holds a batch before its messages return to the queue.
MAX_HOLD_SECONDS: Final = 20.0

# The wait before the first probe of an exhausted pool; it doubles up to MAX_HOLD_SECONDS.
PROBE_INTERVAL_SECONDS: Final = 1.0

# A probe that has not reported after this long counts as lost.
PROBE_LEASE_SECONDS: Final = 30.0

# Exhausted pools that an execution environment remembers. A pool that it forgets costs one call.
MAX_OPEN_CIRCUITS: Final = 500

# --- Look-ups and notifications

# How long a failed look-up, or one that found nothing, is not repeated: otherwise each message of a
# batch would wait for the same timeout.
LOOKUP_FAILURE_TTL_SECONDS: Final = 5.0

# How long a response of DescribeServices or DescribeTaskDefinition is cached.
LOOKUP_TTL_SECONDS: Final = 300.0

# Responses that an execution environment keeps: each has a few hundred bytes, and their names are
# a sender's choice.
MAX_LOOKUPS: Final = 500

# An environment failure is announced once per reason in this time, not once per receive.
NOTIFICATION_INTERVAL_SECONDS: Final = 900.0

# The same for messages that wait for the next day.
DAILY_NOTIFICATION_INTERVAL_SECONDS: Final = 12 * 60 * 60.0

# --- Concurrency

# Threads of a batch, and connections of a client: each new TLS connection costs about 30 ms.
THREADS: Final = 4

# --- After the launch

# How often a task is started until a container runs, the first start included, by the cause of the
# last failure. The documents give no numbers: most of these pass within minutes, and no capacity or
# no address within hours. `other` is what a text says that nobody knows.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
START_ATTEMPTS: Final = {
    "network-interface": 5,
    "network": 5,
    "image-pull": 5,
    "registry-throttled": 6,
    "throttled": 6,
    "storage": 5,
    "capacity": 20,
    "spot": 10,
    "infrastructure": 5,
    "placement": 8,
    "subnet-exhausted": 8,
    "other": 3,
}

# Of one cause: a sender's patience ends somewhere.
MAX_START_ATTEMPTS: Final = 50

# Restarts of one key, for all causes and all its tasks. Its history has to fit an item of DynamoDB
# (400 KiB), and each task takes about 1 KiB.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_RESTARTS: Final = 100

# The wait before the first restart; it doubles with each further one up to the maximum, which is
# also what SQS can delay a message (900).
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
RESTART_BASE_SECONDS: Final = 15
SLOW_RESTART_BASE_SECONDS: Final = 120
MAX_RESTART_SECONDS: Final = 900

# How long the report of a launch may be missing before its tasks are judged without it.
MAX_REPORT_DELAY_SECONDS: Final = 120

# How long the tasks of a launch may be unknown although it was reported: for so long ECS describes
# a stopped task at least.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
MAX_TASK_DELAY_SECONDS: Final = 3600

# Without news for this long, the sweep asks ECS: about a task that does not run yet, one that
# runs, and a restart that nothing answered. All are shorter than the hour for which ECS describes
# a stopped task.
LAUNCH_CHECK_SECONDS: Final = 600
RUNNING_CHECK_SECONDS: Final = 1800
RESTART_CHECK_SECONDS: Final = 1800

# Characters of what ECS says of a task or a container, as it is kept in a history.
MAX_STOP_TEXT_LENGTH: Final = 300

# --- Events

# The sweep performs what a write has left to do only after this: until then, the invocation that
# has written it may still be doing it.
EFFECTS_RETRY_SECONDS: Final = 60.0

# How often a record is retried before a history is settled without what ECS does not tell.
MAX_PATIENT_RECEIVES: Final = 4

# The backoff of a record that is no observation: it is to reach the dead-letter queue soon.
MALFORMED_BACKOFF_SECONDS: Final = 5

# Histories and windows of notices that one sweep looks at; the others are due in the next minute.
MAX_SWEEP_HISTORIES: Final = 2000
MAX_SWEEP_NOTICES: Final = 100

# The time of a sweep, which is made every minute.
MAX_SWEEP_SECONDS: Final = 40.0

# A sweep that follows another one in the same execution environment so soon has nothing to do:
# they pile up while the function does not run.
MIN_SWEEP_INTERVAL_SECONDS: Final = 20.0

# Where ECS did not tell, it is asked again after this.
SWEEP_RETRY_SECONDS: Final = 60.0

# Tasks of one DescribeTasks call.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
MAX_DESCRIBED_TASKS: Final = 100

# A lease that is held for longer is looked at, and given back if its key has ended, or if nothing
# is known of it after the second time: no launch takes that long.
LEASE_CHECK_SECONDS: Final = 900.0
LEASE_UNKNOWN_SECONDS: Final = 3600.0

# Nothing was known of a key at the beginning and at the end of this time, in which the table has
# answered: longer than a report is out of sight after the table was away.
LEASE_BELIEVED_SECONDS: Final = MAX_BACKOFF_SECONDS + 300.0

# The keys that ended for one reason in this time are told in one message.
NOTICE_WINDOW_SECONDS: Final = 900.0

# How long the item of a window is kept after its beginning.
NOTICE_KEPT_SECONDS: Final = 3 * 24 * 60 * 60

# ECS follows its own launches within moments. Before this it is not believed that a task is gone.
MIN_MISSING_SECONDS: Final = 300.0

# --- The limits of a task (`function.message.task_limits`)

# `maxRuntime`: the tasks that run are looked at once a minute.
MIN_RUNTIME_SECONDS: Final = 60
MAX_RUNTIME_SECONDS: Final = 365 * 24 * 60 * 60

# Tasks of a concurrency group at once. Its item has a few dozen bytes for each, and DynamoDB bills
# a write by the item's size.
MAX_CONCURRENCY: Final = 1000

# `onExit`: exit codes and ranges of one list, restarts, and the highest exit code of a container.
MAX_EXIT_RULES: Final = 20
MAX_EXIT_RESTARTS: Final = 10
MAX_EXIT_CODE: Final = 255
