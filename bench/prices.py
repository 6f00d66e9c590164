"""List prices of AWS in us-east-1, in USD, from secondary sources of 2026.

They are what `docs/cost.md` is calculated with. Check them before you rely on a figure; prices of
other regions are up to a third higher.
"""

from __future__ import annotations

from typing import Final

MILLION: Final = 1_000_000

# A million requests of SQS; one request is 64 KiB at most. https://aws.amazon.com/sqs/pricing/
SQS_STANDARD: Final = 0.40
SQS_FIFO: Final = 0.50
# What a message group on a standard queue (fair queues) costs besides, a million requests.
SQS_FAIR: Final = 0.10

# A million invocations, and a GB-second on arm64. https://aws.amazon.com/lambda/pricing/
LAMBDA_INVOCATIONS: Final = 0.20
LAMBDA_GIGABYTE_SECOND: Final = 0.0000133334

# A million write and read request units on demand: 1 KiB written, 4 KiB read consistently.
# https://aws.amazon.com/dynamodb/pricing/on-demand/
TABLE_WRITES: Final = 0.625
TABLE_READS: Final = 0.125

# A million PUTs and GETs of S3. https://aws.amazon.com/s3/pricing/
OBJECT_PUTS: Final = 5.00
OBJECT_GETS: Final = 0.40

# A million custom events; those of AWS services to a rule are free.
# https://aws.amazon.com/eventbridge/pricing/
CUSTOM_EVENTS: Final = 1.00

# A gigabyte of log. https://aws.amazon.com/cloudwatch/pricing/
LOG_GIGABYTE: Final = 0.50

# Each month: a metric, an alarm, a dashboard beyond the third, a key of KMS.
METRIC_MONTH: Final = 0.30
ALARM_MONTH: Final = 0.10
DASHBOARD_MONTH: Final = 3.00
KMS_KEY_MONTH: Final = 1.00

# A million requests of EventBridge Pipes, and state transitions of Step Functions Standard.
# https://aws.amazon.com/step-functions/pricing/
PIPES: Final = 0.40
STATE_TRANSITIONS: Final = 25.00

# A vCPU-hour and a GB-hour of Fargate, on demand. https://aws.amazon.com/fargate/pricing/
FARGATE_VCPU_HOUR: Final = 0.04048
FARGATE_GIGABYTE_HOUR: Final = 0.004445
