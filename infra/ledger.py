"""The ledger: the table that remembers what was started for each key, and its alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import dynamodb

from infra.alarms import handler_alarm
from infra.names import ledger_table_name
from infra.policies.function_actions import LISTED

if TYPE_CHECKING:
    from infra.config import FunctionConfig

# The attributes that the handler uses as partition key and as time to live.
_KEY: Final = "key"
_EXPIRES: Final = "expires"

# The index of what is not finished, or went wrong. An item without these attributes is not in it:
# a key whose tasks succeeded costs no write of the index any more.
_INDEX_ATTRIBUTES: Final[tuple[dynamodb.TableAttributeArgsDict, ...]] = (
    {"name": LISTED, "type": "S"},
    {"name": "listed_at", "type": "N"},
)
_INDEX: Final[dynamodb.TableGlobalSecondaryIndexArgsDict] = {
    "name": LISTED,
    "hash_key": LISTED,
    "range_key": "listed_at",
    "projection_type": "KEYS_ONLY",
}

# The handler's metric, which counts the calls of the table that failed.
_METRIC: Final = "TableUnavailable"


@dataclass(frozen=True, kw_only=True)
class LedgerTableArgs:
    """Arguments of a ledger table.

    Attributes:
        config: The stage's configuration.
        kms_key_arn: ARN of the KMS key that items are encrypted with.
        alarm_topic_arn: ARN of the topic that learns when the table does not answer.
    """

    config: FunctionConfig
    kms_key_arn: Input[str]
    alarm_topic_arn: Input[str]


class LedgerTable(pulumi.ComponentResource):
    """The table with one item per key, and its alarm.

    No key is started twice for as long as its item is kept. So nothing deletes the table by
    accident, and a lost one can be restored as it was at any second of the last 35 days.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html

    Attributes:
        table_name: Name of the table.
        arn: ARN of the table.
        alarm_arn: ARN of the alarm.
    """

    table_name: Output[str]
    arn: Output[str]
    alarm_arn: Output[str]

    def __init__(
        self, name: str, args: LedgerTableArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:LedgerTable", name, None, opts)
        config = args.config
        listed = config.outcomes
        table = dynamodb.Table(
            name,
            # A fixed name: a table that has to be replaced fails, and is not lost.
            name=ledger_table_name(config.stage),
            billing_mode="PAY_PER_REQUEST",
            hash_key=_KEY,
            attributes=[{"name": _KEY, "type": "S"}, *(_INDEX_ATTRIBUTES if listed else ())],
            global_secondary_indexes=[_INDEX] if listed else None,
            ttl={"attribute_name": _EXPIRES, "enabled": True},
            server_side_encryption={"enabled": True, "kms_key_arn": args.kms_key_arn},
            point_in_time_recovery={"enabled": True},
            deletion_protection_enabled=config.protect,
            opts=ResourceOptions(parent=self, protect=config.protect),
        )
        unavailable = handler_alarm(
            f"{name}-unavailable",
            config,
            description=(
                "The handler cannot use the ledger: first deliveries of messages without a key go "
                "on, all others wait"
            ),
            metric=_METRIC,
            topic_arn=args.alarm_topic_arn,
            opts=ResourceOptions(parent=self),
        )
        self.table_name = table.name
        self.arn = table.arn
        self.alarm_arn = unavailable.arn
        self.register_outputs({"tableName": self.table_name, "arn": self.arn})
