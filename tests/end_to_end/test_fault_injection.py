"""Injected faults hit the calls that they name, and do to them what they say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError

from rehearsal.fault_injection import InjectedFault, throttle
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, refused, run, started, wait

if TYPE_CHECKING:
    from rehearsal.fault_injection import FaultyEmulator


class TestFaults:
    def test_error_hits_as_often_as_wanted(self, emulator: FaultyEmulator, ecs: Any) -> None:
        fault = InjectedFault(error="AccessDeniedException", message="no iam:PassRole", times=1)
        emulator.inject(fault)

        with refused("AccessDeniedException", "no iam:PassRole"):
            run(ecs)
        assert run(ecs)["tasks"]
        assert [c.interception for c in emulator.calls("RunTask")][-2:] == [fault.key, ""]

    def test_match_and_account_choose_the_call(self, emulator: FaultyEmulator, ecs: Any) -> None:
        emulator.inject(
            InjectedFault(error="BlockedException", match='"clientToken": "hit-me"'),
            InjectedFault(error="BlockedException", account="222222222222"),
        )

        assert run(ecs, clientToken="miss")["tasks"]
        with refused("BlockedException"):
            run(ecs, clientToken="hit-me")

    def test_failure_instead_of_a_task(self, emulator: FaultyEmulator, ecs: Any) -> None:
        emulator.inject(InjectedFault(reason="RESOURCE:CPU", times=1))

        answer = run(ecs)

        assert answer["tasks"] == []
        assert [f["reason"] for f in answer["failures"]] == ["RESOURCE:CPU"]

    def test_connection_drops_after_the_task_started(
        self, emulator: FaultyEmulator, ecs: Any
    ) -> None:
        emulator.inject(InjectedFault(drop=True, after=True, match="dropped"))

        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            run(ecs, clientToken="dropped")
        emulator.clear_faults()
        arn = started(ecs, clientToken="dropped")

        calls = [c for c in emulator.calls("RunTask") if "dropped" in c.client_token]
        assert {task for call in calls for task in call.tasks} == {arn}
        assert calls[0].status == 0

    def test_token_bucket_throttles(self, emulator: FaultyEmulator, ecs: Any) -> None:
        emulator.inject(throttle(rate=0.001, burst=2))

        run(ecs)
        run(ecs)
        with refused("ThrottlingException", "Rate exceeded"):
            run(ecs)

    def test_task_never_starts(self, emulator: FaultyEmulator, ecs: Any) -> None:
        text = "Timeout waiting for network interface provisioning to complete."
        emulator.inject(InjectedFault(stopped_reason=text, times=1))

        task = wait(ecs, started(ecs))

        assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", text)
        assert "exitCode" not in task["containers"][0]

    def test_delay_only_delays(self, emulator: FaultyEmulator, ecs: Any) -> None:
        emulator.inject(InjectedFault(delay_seconds=0.2, times=1))
        began = time.monotonic()

        assert run(ecs)["tasks"]
        assert time.monotonic() - began >= 0.2

    @pytest.mark.parametrize(
        ("service", "action", "parameters"),
        [
            ("sqs", "SendMessage", {"QueueUrl": "http://q/111111111111/q", "MessageBody": "x"}),
            ("sns", "Publish", {"TopicArn": "arn:aws:sns:eu-central-1:1:t", "Message": "x"}),
            ("dynamodb", "GetItem", {"TableName": "t", "Key": {"k": {"S": "x"}}}),
            ("s3", "GetObject", {"Bucket": "b", "Key": "k"}),
        ],
    )
    def test_other_services_fail_too(
        self, emulator: FaultyEmulator, service: str, action: str, parameters: dict[str, Any]
    ) -> None:
        fault = InjectedFault(service=service, action=action, error="AccessDenied", status=403)
        emulator.inject(fault)
        client = emulator.client(service, ACCOUNT, REGION)
        method = client.meta.method_to_api_mapping
        call = next(python for python, api in method.items() if api == action)

        with refused("AccessDenied"):
            getattr(client, call)(**parameters)
        assert emulator.calls()[-1].action == action
