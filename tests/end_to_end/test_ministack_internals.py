"""MiniStack still has the names that the stand-in replaces or reads."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.emulator import ministack_internals


@pytest.mark.parametrize("name", ministack_internals.__all__)
def test_pinned_emulator_still_has_the_name(name: str) -> None:
    assert getattr(ministack_internals, name) is not None


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ministack_internals.app, "_dispatch_service_request"),
        (ministack_internals.app, "app"),
        (ministack_internals.app, "detect_service"),
        (ministack_internals.app, "extract_region"),
        (ministack_internals.app, "main"),
        (ministack_internals.eventbridge, "_SCHEDULER_TICK_INTERVAL"),
        (ministack_internals.eventbridge, "_apply_input_transformer"),
        (ministack_internals.eventbridge, "_dispatch_to_sqs"),
        (ministack_internals.eventbridge, "_invoke_target"),
        (ministack_internals.eventbridge, "_parse_rate_seconds"),
        (ministack_internals.iam_actions, "_BOTOCORE_SERVICE_MAP"),
        (ministack_internals.iam_actions, "_lambda_action"),
        (ministack_internals.iam_actions, "_match_rest_action"),
        (ministack_internals.iam_evaluator, "EvalContext"),
        (ministack_internals.iam_evaluator, "_gather_role_policies"),
        (ministack_internals.iam_evaluator, "_gather_user_policies"),
        (ministack_internals.iam_evaluator, "_permissions_boundary"),
        (ministack_internals.iam_evaluator, "_principal_keys"),
        (ministack_internals.iam_evaluator, "_resolve_condition_key"),
        (ministack_internals.iam_evaluator, "evaluate"),
        (ministack_internals.iam_evaluator, "enforce"),
        (ministack_internals.iam_evaluator, "evaluate_resource_policy"),
        (ministack_internals.iam_evaluator, "resolve_caller_identity"),
        (ministack_internals.kms, "_create_key"),
        (ministack_internals.kms, "_keys"),
        (ministack_internals.kms, "_put_key_policy"),
        (ministack_internals.lambda_svc, "_create_esm"),
        (ministack_internals.lambda_svc, "_esms"),
        (ministack_internals.lambda_svc, "_get_func_record_for_qualifier"),
        (ministack_internals.lambda_svc, "_functions"),
        (ministack_internals.lambda_svc, "_resolve_existing_esm_function"),
        (ministack_internals.lambda_svc, "_sqs_esm_concurrency"),
        (ministack_internals.lambda_svc, "_update_esm"),
        (ministack_internals.lambda_svc, "execution_credentials"),
        (ministack_internals.lambda_runtime, "execution_credentials"),
        (ministack_internals.s3, "_bucket_encryption"),
        (ministack_internals.s3, "_copy_object"),
        (ministack_internals.s3, "_error"),
        (ministack_internals.sqs, "_Err"),
        (ministack_internals.sqs, "_HANDLERS"),
        (ministack_internals.sqs, "_act_change_visibility"),
        (ministack_internals.sqs, "_act_send_message"),
        (ministack_internals.sqs, "_get_q"),
        (ministack_internals.sqs, "queue_policy_for_arn"),
        (ministack_internals.sts, "register_session"),
        (ministack_internals.tagging, "resource_tags"),
        (ministack_internals.TCPServer, "run"),
    ],
)
def test_pinned_emulator_still_has_what_is_replaced(owner: Any, name: str) -> None:
    assert getattr(owner, name) is not None


def test_pinned_emulator_still_names_the_actions() -> None:
    ecs = {
        "DescribeContainerInstances",
        "DescribeTasks",
        "ListContainerInstances",
        "ListTasks",
        "PutAttributes",
        "RunTask",
        "StopTask",
    }
    assert ecs <= set(ministack_internals.ECS_ACTIONS)
    assert "SimulatePrincipalPolicy" in ministack_internals.IAM_ACTIONS
