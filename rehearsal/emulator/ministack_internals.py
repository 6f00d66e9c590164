"""Every name of MiniStack that the stand-in replaces or reads, in one place.

Many are private. MiniStack is pinned exactly, and a test reads this file: if another version
lacks a name, the test fails and says which.
"""

from __future__ import annotations

from hypercorn.asyncio.tcp_server import TCPServer
from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.iam_actions import (
    access_denied_response,
    extract_iam_action,
    identity_denial_message,
)
from ministack.core.iam_evaluator import AuthError
from ministack.core.iam_evaluator import _request_origin as request_origin
from ministack.core.lambda_runtime import _lock as workers_lock
from ministack.core.lambda_runtime import _workers as workers
from ministack.core.responses import _account_from_sts_session as session_account
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    request_scope,
)
from ministack.core.router import extract_access_key_id
from ministack.core.sigv4 import (
    SIGNATURE_MISMATCH,
    decode_header_value,
    parse_header_signature,
    request_time_failure,
)
from ministack.services import eventbridge, kms, lambda_svc, s3, sqs, sts, tagging
from ministack.services.dynamodb import _tables as tables
from ministack.services.ecs import _ACTION_MAP as ECS_ACTIONS
from ministack.services.ecs import _attributes as ecs_attributes
from ministack.services.ecs import _clusters as clusters
from ministack.services.ecs import _resolve_cluster_name as cluster_name
from ministack.services.ecs import _resolve_task as find_task
from ministack.services.ecs import _resolve_td_key as task_definition_key
from ministack.services.ecs import _sanitize as wire_shape
from ministack.services.ecs import _tags as ecs_tags
from ministack.services.ecs import _task_defs as task_definitions
from ministack.services.ecs import _tasks as tasks
from ministack.services.eventbridge import _put_events as put_events
from ministack.services.iam import _IAM_HANDLERS as IAM_ACTIONS
from ministack.services.iam import _error as iam_error
from ministack.services.iam import _roles as roles
from ministack.services.iam import _users as users
from ministack.services.iam import _xml as iam_xml
from ministack.services.kms import _resolve_key as find_key
from ministack.services.s3 import _bucket_default_sse_headers as default_encryption
from ministack.services.s3 import _bucket_owner_account as bucket_owner
from ministack.services.s3 import _buckets as buckets
from ministack.services.sns import _topics as topics
from ministack.services.sqs import _queues as queues

__all__ = [
    "ECS_ACTIONS",
    "IAM_ACTIONS",
    "SIGNATURE_MISMATCH",
    "AuthError",
    "TCPServer",
    "access_denied_response",
    "app",
    "bucket_owner",
    "buckets",
    "cluster_name",
    "clusters",
    "decode_header_value",
    "default_encryption",
    "ecs_attributes",
    "ecs_tags",
    "error_response_json",
    "eventbridge",
    "extract_access_key_id",
    "extract_iam_action",
    "find_key",
    "find_task",
    "get_account_id",
    "get_region",
    "iam_actions",
    "iam_error",
    "iam_evaluator",
    "iam_xml",
    "identity_denial_message",
    "json_response",
    "kms",
    "lambda_runtime",
    "lambda_svc",
    "parse_header_signature",
    "put_events",
    "queues",
    "request_origin",
    "request_scope",
    "request_time_failure",
    "roles",
    "s3",
    "session_account",
    "sqs",
    "sts",
    "tables",
    "tagging",
    "task_definition_key",
    "task_definitions",
    "tasks",
    "topics",
    "users",
    "wire_shape",
    "workers",
    "workers_lock",
]
