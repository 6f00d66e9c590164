"""The ECS stand-in, the permissions it adds, and the faults; none of it says anything of AWS."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from rehearsal.emulator import Credentials, Emulator, InjectedFault, ministack_names, throttle

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT, REGION = "111111111111", "eu-central-1"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/jobs"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
TASK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/task"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/other"


@pytest.fixture(scope="module")
def ecs(emulator: Emulator) -> Any:
    iam = emulator.client("iam", ACCOUNT, REGION)
    for name in ("task", "other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust("ecs-tasks")))
    client = emulator.client("ecs", ACCOUNT, REGION)
    client.create_cluster(clusterName="jobs")
    register(client, "report", ["sh", "-c", 'echo "$GREETING"; pwd; exit 7'], role=TASK_ROLE)
    register(client, "sleeper", ["sleep", "600"])
    return client


def trust(service: str) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def register(client: Any, family: str, command: list[str], role: str = "", **more: Any) -> None:
    app: dict[str, Any] = {"name": "app", "image": "busybox", "command": command}
    app["environment"] = [{"name": "GREETING", "value": "hello"}]
    client.register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[app, *more.get("sidecars", [])],
        **({"taskRoleArn": role} if role else {}),
    )


def run(client: Any, family: str = "report", **more: Any) -> Any:
    request = {"cluster": "jobs", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    return client.run_task(**{**request, "taskDefinition": family, **more})


def started(client: Any, family: str = "report", **more: Any) -> str:
    return str(run(client, family, **more)["tasks"][0]["taskArn"])


def wait(client: Any, arn: str, status: str = "STOPPED") -> Any:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        task = client.describe_tasks(cluster="jobs", tasks=[arn])["tasks"][0]
        if task["lastStatus"] == status:
            return task
        time.sleep(0.01)
    raise AssertionError(f"{arn} is {task['lastStatus']}, not {status}")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"{code}.*{text}")


@pytest.mark.parametrize("name", ministack_names.__all__)
def test_pinned_emulator_still_has_the_name(name: str) -> None:
    assert getattr(ministack_names, name) is not None


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ministack_names.app, "_dispatch_service_request"),
        (ministack_names.app, "detect_service"),
        (ministack_names.app, "extract_region"),
        (ministack_names.app, "main"),
        (ministack_names.iam_evaluator, "_resolve_condition_key"),
        (ministack_names.iam_evaluator, "enforce"),
        (ministack_names.iam_evaluator, "evaluate_resource_policy"),
        (ministack_names.iam_evaluator, "resolve_caller_identity"),
        (ministack_names.lambda_svc, "_create_esm"),
        (ministack_names.lambda_svc, "_esms"),
        (ministack_names.lambda_svc, "_get_func_record_for_qualifier"),
        (ministack_names.lambda_svc, "_resolve_existing_esm_function"),
        (ministack_names.TCPServer, "run"),
    ],
)
def test_pinned_emulator_still_has_what_is_replaced(owner: Any, name: str) -> None:
    assert getattr(owner, name) is not None


def test_pinned_emulator_still_names_both_actions() -> None:
    assert {"RunTask", "StopTask"} <= set(ministack_names.ECS_ACTIONS)


class TestLife:
    def test_command_runs_for_real_and_reports_its_exit_code(
        self, emulator: Emulator, ecs: Any
    ) -> None:
        task = wait(ecs, started(ecs))

        assert [c["exitCode"] for c in task["containers"]] == [7]
        assert task["stopCode"] == "EssentialContainerExited"
        assert task["stoppedReason"] == "Essential container in task exited"
        assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]
        assert emulator.output(task["taskArn"], "app").startswith("hello\n")

    def test_override_replaces_command_and_environment(self, emulator: Emulator, ecs: Any) -> None:
        override = {
            "name": "app",
            "command": ["sh", "-c", "echo $GREETING $GATEWAY_PORT"],
            "environment": [{"name": "GREETING", "value": "grüß"}],
        }
        task = wait(ecs, started(ecs, overrides={"containerOverrides": [override]}))

        assert task["containers"][0]["exitCode"] == 0
        assert emulator.output(task["taskArn"], "app") == "grüß\n"

    def test_stop_ends_the_process(self, ecs: Any) -> None:
        arn = started(ecs, "sleeper")
        wait(ecs, arn, "RUNNING")

        ecs.stop_task(cluster="jobs", task=arn, reason="enough")
        task = wait(ecs, arn)

        assert task["containers"][0]["exitCode"] == 143
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")

    def test_missing_program_is_a_task_that_failed_to_start(self, ecs: Any) -> None:
        register(ecs, "missing", ["no-such-program"])

        task = wait(ecs, started(ecs, "missing"))

        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith("CannotStartContainerError")

    def test_essential_container_ends_the_others(self, ecs: Any) -> None:
        sidecar = {"name": "log", "image": "i", "command": ["sleep", "600"], "essential": False}
        register(ecs, "pair", ["true"], sidecars=[sidecar])

        task = wait(ecs, started(ecs, "pair"))

        assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 0, "log": 143}

    def test_image_without_command_exits_at_once(self, emulator: Emulator, ecs: Any) -> None:
        register(ecs, "empty", [])

        task = wait(ecs, started(ecs, "empty"))

        assert task["containers"][0]["exitCode"] == 0
        assert "busybox is not run here" in emulator.output(task["taskArn"], "app")

    def test_each_step_raises_the_state_change_event(self, emulator: Emulator, ecs: Any) -> None:
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        events = emulator.client("events", ACCOUNT, REGION)
        url = sqs.create_queue(QueueName="events")["QueueUrl"]
        ours = {"startedBy": [{"prefix": "ecs-run-task/"}]}
        pattern = {"detail-type": ["ECS Task State Change"], "detail": ours}
        events.put_rule(Name="stopped", EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"}
        events.put_targets(Rule="stopped", Targets=[target])

        arn = started(ecs, startedBy="ecs-run-task/dev/key", group="family:own")
        wait(ecs, arn)
        details = [event["detail"] for event in drain(sqs, url)]

        assert [d["lastStatus"] for d in sorted(details, key=lambda d: d["version"])] == [
            "PROVISIONING",
            "PENDING",
            "RUNNING",
            "RUNNING",
            "DEPROVISIONING",
            "STOPPED",
        ]
        last = max(details, key=lambda d: d["version"])
        assert last["containers"][0]["exitCode"] == 7
        assert last["clusterArn"] == CLUSTER
        assert last["taskArn"] == arn
        assert last["startedBy"] == "ecs-run-task/dev/key"
        assert last["stoppedAt"].endswith("Z")
        assert len({d["version"] for d in details}) == len(details)


def drain(sqs: Any, url: str) -> list[Any]:
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


class TestRefusals:
    def test_same_token_is_the_same_task(self, ecs: Any) -> None:
        assert started(ecs, clientToken="same") == started(ecs, clientToken="same")

    def test_same_token_with_other_parameters_is_a_conflict(self, ecs: Any) -> None:
        started(ecs, clientToken="other")

        with refused("ConflictException"):
            run(ecs, clientToken="other", startedBy="somebody")

    @pytest.mark.parametrize(
        ("more", "code", "text"),
        [
            ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found"),
            ({"taskDefinition": "nothing"}, "ClientException", "TaskDefinition not found"),
            ({"taskDefinition": "report:99"}, "ClientException", "TaskDefinition not found"),
            ({"count": 11}, "InvalidParameterException", "between 1 and 10"),
            ({"startedBy": "a:b"}, "InvalidParameterException", "startedBy"),
            ({"startedBy": "a" * 129}, "InvalidParameterException", "startedBy"),
            ({"networkConfiguration": {}}, "InvalidParameterException", "must be provided"),
            (
                {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"] * 17}}},
                "InvalidParameterException",
                "at most 16",
            ),
            (
                {"overrides": {"containerOverrides": [{"name": "nobody"}]}},
                "InvalidParameterException",
                "container named nobody is not a container in the TaskDefinition",
            ),
            (
                {"overrides": {"containerOverrides": [{"name": "app", "command": ["x" * 8192]}]}},
                "InvalidParameterException",
                "at most 8192",
            ),
            (
                {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
                "InvalidParameterException",
                "both a launch type and capacity provider",
            ),
        ],
    )
    def test_refuses(self, ecs: Any, more: dict[str, Any], code: str, text: str) -> None:
        with refused(code, text):
            run(ecs, **more)

    def test_inactive_revision_is_refused_and_the_family_falls_back(self, ecs: Any) -> None:
        register(ecs, "old", ["true"])
        register(ecs, "old", ["false"])
        ecs.deregister_task_definition(taskDefinition="old:2")

        with refused("ClientException", "inactive"):
            run(ecs, "old:2")
        assert run(ecs, "old")["tasks"][0]["taskDefinitionArn"].endswith("/old:1")


class TestFaults:
    def test_error_hits_as_often_as_wanted(self, emulator: Emulator, ecs: Any) -> None:
        fault = InjectedFault(error="AccessDeniedException", message="no iam:PassRole", times=1)
        emulator.inject(fault)

        with refused("AccessDeniedException", "no iam:PassRole"):
            run(ecs)
        assert run(ecs)["tasks"]
        assert [c.fault for c in emulator.calls("RunTask")][-2:] == [fault.key, ""]

    def test_match_and_account_choose_the_call(self, emulator: Emulator, ecs: Any) -> None:
        emulator.inject(
            InjectedFault(error="BlockedException", match='"clientToken": "hit-me"'),
            InjectedFault(error="BlockedException", account="222222222222"),
        )

        assert run(ecs, clientToken="miss")["tasks"]
        with refused("BlockedException"):
            run(ecs, clientToken="hit-me")

    def test_failure_instead_of_a_task(self, emulator: Emulator, ecs: Any) -> None:
        emulator.inject(InjectedFault(reason="RESOURCE:CPU", times=1))

        answer = run(ecs)

        assert answer["tasks"] == []
        assert [f["reason"] for f in answer["failures"]] == ["RESOURCE:CPU"]

    def test_connection_drops_after_the_task_started(self, emulator: Emulator, ecs: Any) -> None:
        emulator.inject(InjectedFault(drop=True, after=True, match="dropped"))

        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            run(ecs, clientToken="dropped")
        emulator.heal()
        arn = started(ecs, clientToken="dropped")

        calls = [c for c in emulator.calls("RunTask") if "dropped" in c.client_token]
        assert {task for call in calls for task in call.tasks} == {arn}
        assert calls[0].status == 0

    def test_token_bucket_throttles(self, emulator: Emulator, ecs: Any) -> None:
        emulator.inject(throttle(rate=0.001, burst=2))

        run(ecs)
        run(ecs)
        with refused("ThrottlingException", "Rate exceeded"):
            run(ecs)

    def test_task_never_starts(self, emulator: Emulator, ecs: Any) -> None:
        text = "Timeout waiting for network interface provisioning to complete."
        emulator.inject(InjectedFault(stopped_reason=text, times=1))

        task = wait(ecs, started(ecs))

        assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", text)
        assert "exitCode" not in task["containers"][0]

    def test_delay_only_delays(self, emulator: Emulator, ecs: Any) -> None:
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
        self, emulator: Emulator, service: str, action: str, parameters: dict[str, Any]
    ) -> None:
        fault = InjectedFault(service=service, action=action, error="AccessDenied", status=403)
        emulator.inject(fault)
        client = emulator.client(service, ACCOUNT, REGION)
        method = client.meta.method_to_api_mapping
        call = next(python for python, api in method.items() if api == action)

        with refused("AccessDenied"):
            getattr(client, call)(**parameters)
        assert emulator.calls()[-1].action == action


def statement(*actions: str, resource: str = "*", **condition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition:
        found["Condition"] = condition
    return found


class TestPermissions:
    DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:*"
    RUN = statement("ecs:RunTask", resource=DEFINITION, ArnEquals={"ecs:cluster": CLUSTER})
    PASS = statement(
        "iam:PassRole",
        resource=TASK_ROLE,
        StringEquals={"iam:PassedToService": "ecs-tasks.amazonaws.com"},
    )

    @pytest.fixture
    def as_role(self, emulator: Emulator, ecs: Any) -> Iterator[Any]:
        assert ecs
        iam = emulator.client("iam", ACCOUNT, REGION)
        sts = emulator.client("sts", ACCOUNT, REGION)
        document = trust("lambda")
        document["Statement"][0]["Principal"]["AWS"] = f"arn:aws:iam::{ACCOUNT}:root"
        iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(document))

        def session(service: str, *statements: dict[str, Any]) -> Any:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName="caller", PolicyName="p", PolicyDocument=policy)
            arn = f"arn:aws:iam::{ACCOUNT}:role/caller"
            keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
            credentials = Credentials(
                access_key=keys["AccessKeyId"],
                secret_key=keys["SecretAccessKey"],
                token=keys["SessionToken"],
            )
            return emulator.client(service, ACCOUNT, REGION, credentials)

        yield session
        iam.delete_role_policy(RoleName="caller", PolicyName="p")
        iam.delete_role(RoleName="caller")

    def test_a_right_policy_is_enough(self, as_role: Any) -> None:
        assert run(as_role("ecs", self.RUN, self.PASS))["tasks"]

    def test_cluster_condition_is_checked(self, as_role: Any) -> None:
        other = {"ecs:cluster": f"{CLUSTER}-other"}
        policy = statement("ecs:RunTask", resource=self.DEFINITION, ArnEquals=other)

        with refused(
            "AccessDeniedException", "ecs:RunTask on resource: .*task-definition/report:1"
        ):
            run(as_role("ecs", policy, self.PASS))

    def test_role_of_the_definition_must_be_passed(self, as_role: Any) -> None:
        text = f"not authorized to perform: iam:PassRole on resource: {TASK_ROLE} because no"

        with refused("AccessDeniedException", text):
            run(as_role("ecs", self.RUN))

    def test_role_of_an_override_must_be_passed(self, as_role: Any) -> None:
        with refused("AccessDeniedException", f"iam:PassRole on resource: {OTHER_ROLE}"):
            run(as_role("ecs", self.RUN, self.PASS), overrides={"taskRoleArn": OTHER_ROLE})

    def test_tags_need_a_permission_of_their_own(self, as_role: Any) -> None:
        tags = [{"key": "a", "value": "b"}]
        tagging = statement(
            "ecs:TagResource",
            resource=f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/jobs/*",
            StringEquals={"ecs:CreateAction": "RunTask"},
        )

        with refused("AccessDeniedException", "ecs:TagResource"):
            run(as_role("ecs", self.RUN, self.PASS), tags=tags)
        assert run(as_role("ecs", self.RUN, self.PASS, tagging), tags=tags)["tasks"]

    def test_services_are_described_by_their_full_arn(self, as_role: Any) -> None:
        service = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/jobs/web"
        condition = {"ecs:cluster": CLUSTER}
        policy = statement("ecs:DescribeServices", resource=service, ArnEquals=condition)
        client = as_role("ecs", policy)

        assert client.describe_services(cluster="jobs", services=["web"])["failures"]
        with refused("AccessDeniedException", "service/jobs/api"):
            client.describe_services(cluster="jobs", services=["web", "api"])

    def test_definitions_are_described_on_everything(self, as_role: Any) -> None:
        with refused("AccessDeniedException"):
            as_role(
                "ecs", statement("ecs:DescribeTaskDefinition", resource=self.DEFINITION)
            ).describe_task_definition(taskDefinition="report")
        as_role("ecs", statement("ecs:DescribeTaskDefinition")).describe_task_definition(
            taskDefinition="report"
        )

    def test_sending_to_an_encrypted_queue_needs_its_key(
        self, emulator: Emulator, as_role: Any
    ) -> None:
        key = emulator.client("kms", ACCOUNT, REGION).create_key()["KeyMetadata"]["Arn"]
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        url = sqs.create_queue(QueueName="secret", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:secret"
        send = statement("sqs:SendMessage", "sqs:ReceiveMessage", resource=queue)

        with refused("AccessDenied", "kms:GenerateDataKey on resource: arn:aws:kms"):
            as_role("sqs", send).send_message(QueueUrl=url, MessageBody="x")
        use = statement("kms:GenerateDataKey", "kms:Decrypt", resource=key)
        as_role("sqs", send, use).send_message(QueueUrl=url, MessageBody="x")
        with refused("AccessDenied", "kms:Decrypt"):
            as_role("sqs", send).receive_message(QueueUrl=url)

    def test_roles_are_limited_by_their_boundary(self, emulator: Emulator, as_role: Any) -> None:
        policy = {"Version": "2012-10-17", "Statement": [statement("sqs:*")]}
        boundary = emulator.client("iam", ACCOUNT, REGION).create_policy(
            PolicyName="boundary", PolicyDocument=json.dumps(policy)
        )["Policy"]["Arn"]
        limit = {"iam:PermissionsBoundary": boundary}
        client = as_role(
            "iam", statement("iam:CreateRole", "iam:PutRolePolicy", StringEquals=limit)
        )
        request = {"RoleName": "made", "AssumeRolePolicyDocument": json.dumps(trust("lambda"))}

        with refused("AccessDenied", "iam:CreateRole"):
            client.create_role(**request)
        client.create_role(**request, PermissionsBoundary=boundary)
        client.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument=json.dumps(policy))
        with refused("AccessDenied", "iam:PutRolePolicy"):
            client.put_role_policy(
                RoleName="task", PolicyName="p", PolicyDocument=json.dumps(policy)
            )

    def test_objects_under_a_key_need_the_key(self, emulator: Emulator, as_role: Any) -> None:
        kms, s3 = (emulator.client(name, ACCOUNT, REGION) for name in ("kms", "s3"))
        key = kms.create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket="locked", CreateBucketConfiguration={"LocationConstraint": REGION})
        objects = statement("s3:PutObject", "s3:GetObject", resource="arn:aws:s3:::locked/*")
        target = {"Bucket": "locked", "Key": "a/b c.txt"}
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}

        with refused("AccessDenied", "kms:GenerateDataKey on resource: arn:aws:kms"):
            as_role("s3", objects).put_object(**target, **encryption, Body=b"x")
        s3.put_object(**target, **encryption, Body=b"x")
        with refused("AccessDenied", "kms:Decrypt on resource: arn:aws:kms"):
            as_role("s3", objects).get_object(**target)
        use = statement("kms:Decrypt", resource=key)
        assert as_role("s3", objects, use).get_object(**target)["Body"].read() == b"x"

    def test_bucket_policy_can_insist_on_a_key(self, emulator: Emulator, as_role: Any) -> None:
        kms, s3 = (emulator.client(name, ACCOUNT, REGION) for name in ("kms", "s3"))
        right, wrong = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        s3.create_bucket(Bucket="fussy", CreateBucketConfiguration={"LocationConstraint": REGION})
        condition = {"s3:x-amz-server-side-encryption-aws-kms-key-id": right}
        rule = statement("s3:PutObject", resource="arn:aws:s3:::fussy/*", StringNotEquals=condition)
        deny = {**rule, "Effect": "Deny", "Principal": "*"}
        policy = {"Version": "2012-10-17", "Statement": [deny]}
        s3.put_bucket_policy(Bucket="fussy", Policy=json.dumps(policy))
        client = as_role("s3", statement("s3:PutObject", "kms:GenerateDataKey"))
        request = {"Bucket": "fussy", "Key": "k", "Body": b"", "ServerSideEncryption": "aws:kms"}

        with refused("AccessDenied", "explicit deny in a resource-based policy"):
            client.put_object(**request, SSEKMSKeyId=wrong)
        client.put_object(**request, SSEKMSKeyId=right)

    def test_key_of_another_account_must_let_the_reader_in(
        self, emulator: Emulator, as_role: Any
    ) -> None:
        other = "222222222222"
        kms, s3 = (emulator.client(name, other, REGION) for name in ("kms", "s3"))
        key = kms.create_key()["KeyMetadata"]
        s3.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": REGION})
        reader = {"AWS": ACCOUNT}
        role = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/call*"}
        objects = statement("s3:GetObject", resource="arn:aws:s3:::abroad/*", ArnLike=role)
        allow = {**objects, "Principal": reader}
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        s3.put_bucket_policy(Bucket="abroad", Policy=json.dumps(policy))
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["Arn"]}
        s3.put_object(Bucket="abroad", Key="k", Body=b"x", **encryption)
        client = as_role("s3", statement("s3:GetObject", "kms:Decrypt"))

        with refused("AccessDenied", "kms:Decrypt"):
            client.get_object(Bucket="abroad", Key="k")
        root = {**statement("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{other}:root"}}
        decrypt = {**statement("kms:Decrypt", ArnLike=role), "Principal": reader}
        document = json.dumps({"Version": "2012-10-17", "Statement": [root, decrypt]})
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=document)
        assert client.get_object(Bucket="abroad", Key="k")["Body"].read() == b"x"

    def test_mappings_are_limited_by_their_function(self, emulator: Emulator, as_role: Any) -> None:
        assert emulator
        condition = {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:kit-*"}
        client = as_role("lambda", statement("lambda:*", ArnLike=condition))
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:any"

        with refused("AccessDenied", "lambda:CreateEventSourceMapping"):
            client.create_event_source_mapping(FunctionName="other", EventSourceArn=queue)
        with refused("ResourceNotFound"):
            client.create_event_source_mapping(FunctionName="kit-one", EventSourceArn=queue)
