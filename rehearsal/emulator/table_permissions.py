"""The permissions that DynamoDB asks for: on a table, and on the key that encrypts it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.permission_check import PermissionCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.emulator.request import Request

# On the key of a table, with the rights of the one that creates the table.
_TABLE_KEY_ACTIONS: Final = (
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
)


def create_table(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the key of a new table, which DynamoDB uses by a grant from the table's creator."""
    yield asked
    key = (request.parameters.get("SSESpecification") or {}).get("KMSMasterKeyId")
    if key:
        via = {"kms:ViaService": f"dynamodb.{request.region}.amazonaws.com"}
        for action in _TABLE_KEY_ACTIONS:
            yield PermissionCheck(f"kms:{action}", key, via)
        context = {**via, "kms:GrantIsForAWSResource": "true"}
        yield PermissionCheck("kms:CreateGrant", key, context)


def item(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the key of an encrypted table: DynamoDB decrypts the table's own key for the caller."""
    yield asked
    table = ministack_internals.tables.get(asked.resource.split("/")[1]) or {}
    if key := (table.get("SSEDescription") or {}).get("KMSMasterKeyArn"):
        via = {"kms:ViaService": f"dynamodb.{request.region}.amazonaws.com"}
        yield PermissionCheck("kms:Decrypt", key, via)
