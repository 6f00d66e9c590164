"""What the in-process engine changes, replaces and deletes, and with which calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws
import pytest
from botocore.exceptions import ClientError
from pulumi import ResourceOptions

from rehearsal.engine import Action, ProtectedError, Run, State, destroy, preview, up
from tests.end_to_end.call_recorder import RecordedEmulator
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.engine import Change

CONFIG: Final = {
    "aws:region": REGION,
    "aws:allowedAccountIds": json.dumps([ACCOUNT]),
    "aws:defaultTags": json.dumps({"tags": {"application": "test"}}),
}


class Stack:
    """A stack of the test's own."""

    def __init__(self, emulator: RecordedEmulator, name: str) -> None:
        self.emulator, self.name, self.state = emulator, name, State()
        self._seen = 0

    def run(self, program: Callable[[], None], **config: str) -> Run:
        return Run(program=program, project="p", stack=self.name, config={**CONFIG, **config})

    def up(self, program: Callable[[], None], **config: str) -> dict[str, Any]:
        self._seen = len(self.emulator.calls())
        return up(self.run(program, **config), emulator=self.emulator, state=self.state)

    def preview(self, program: Callable[[], None], **config: str) -> list[tuple[Action, str]]:
        self._seen = len(self.emulator.calls())
        return [line(change) for change in preview(self.run(program, **config), state=self.state)]

    def destroy(self) -> None:
        self._seen = len(self.emulator.calls())
        destroy(self.run(lambda: None), emulator=self.emulator, state=self.state)

    def calls(self) -> list[str]:
        """Return the calls since the last run began."""
        return [call.interception for call in self.emulator.new_calls(self._seen)]

    def names(self) -> list[str]:
        return [resource.name for resource in self.state.resources(f"p/{self.name}")]

    def client(self, service: str) -> Any:
        return self.emulator.client(service, ACCOUNT, REGION)


def line(change: Change) -> tuple[Action, str]:
    return change.action, change.urn.rpartition("::")[2]


@pytest.fixture(scope="module")
def recorded() -> Iterator[RecordedEmulator]:
    with RecordedEmulator.start() as running:
        yield running


@pytest.fixture
def stack(recorded: RecordedEmulator, request: pytest.FixtureRequest) -> Stack:
    return Stack(recorded, f"s{abs(hash(request.node.name)) % 10**8}")


def everything(**changes: Any) -> Callable[[], None]:
    """Return a program with queues that depend on each other."""

    def program() -> None:
        fifo = True if changes.get("fifo") else None
        opts = ResourceOptions(protect=changes.get("protect", False))
        dead = aws.sqs.Queue("dead", fifo_queue=fifo, opts=opts)
        redrive = pulumi.Output.json_dumps(
            {"deadLetterTargetArn": dead.arn, "maxReceiveCount": changes.get("receives", 3)}
        )
        work = aws.sqs.Queue("work", fifo_queue=fifo, redrive_policy=redrive, opts=opts)
        document = {"Version": "2012-10-17", "Statement": []}
        aws.sqs.QueuePolicy("policy", queue_url=work.url, policy=json.dumps(document))
        pulumi.export("url", work.url)
        pulumi.export("dead", dead.url)

    return program


class TestUp:
    def test_a_second_one_without_changes_makes_no_call(self, stack: Stack) -> None:
        outputs = stack.up(everything())

        assert stack.up(everything()) == outputs
        assert stack.calls() == []

    def test_a_changed_input_updates_and_reads_back(self, stack: Stack) -> None:
        outputs = stack.up(everything())
        stack.up(everything(receives=9))

        assert stack.calls() == [
            "sqs:SetQueueAttributes",
            "sqs:GetQueueAttributes",
            "sqs:ListQueueTags",
        ]
        found = stack.client("sqs").get_queue_attributes(
            QueueUrl=outputs["url"], AttributeNames=["RedrivePolicy"]
        )
        assert json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == 9

    def test_changed_default_tags_are_set_and_removed(self, stack: Stack) -> None:
        def program() -> None:
            pulumi.export("url", aws.sqs.Queue("q").url)

        url = stack.up(program)["url"]
        stack.up(program, **{"aws:defaultTags": json.dumps({"tags": {"team": "a"}})})

        assert {"sqs:TagQueue", "sqs:UntagQueue"} <= set(stack.calls())
        assert stack.client("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}

    def test_what_cannot_change_is_replaced_and_the_old_deleted_last(self, stack: Stack) -> None:
        old = stack.up(everything())
        new = stack.up(everything(fifo=True))
        calls = stack.calls()

        assert new["url"].endswith(".fifo")
        assert calls.index("sqs:DeleteQueue") > len(calls) - calls[::-1].index("sqs:CreateQueue")
        for name in ("url", "dead"):
            with pytest.raises(ClientError, match="NonExistentQueue"):
                stack.client("sqs").get_queue_attributes(QueueUrl=old[name], AttributeNames=["All"])

    def test_a_given_name_is_free_before_it_is_used_again(self, stack: Stack) -> None:
        def program(path: str) -> Callable[[], None]:
            document = json.dumps(trust("lambda"))

            def inner() -> None:
                aws.iam.Role("r", name="given", path=path, assume_role_policy=document)

            return inner

        stack.up(program("/a/"))
        stack.up(program("/b/"))

        calls = stack.calls()
        assert calls.index("iam:DeleteRole") < calls.index("iam:CreateRole")
        role = stack.client("iam").get_role(RoleName="given")["Role"]
        assert role["Path"] == "/b/"

    def test_what_left_the_program_is_deleted(self, stack: Stack) -> None:
        stack.up(everything())
        stack.up(lambda: None)

        assert stack.names() == []
        assert [call for call in stack.calls() if "Delete" in call] == ["sqs:DeleteQueue"] * 2

    def test_what_is_retained_leaves_the_stack_and_stays(self, stack: Stack) -> None:
        def program() -> None:
            opts = ResourceOptions(retain_on_delete=True)
            pulumi.export("url", aws.sqs.Queue("q", opts=opts).url)

        url = stack.up(program)["url"]
        stack.up(lambda: None)

        assert stack.names() == []
        assert stack.calls() == []
        assert stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])

    def test_a_change_that_asks_for_it_replaces_instead_of_updating(self, stack: Stack) -> None:
        def program(service: str) -> Callable[[], None]:
            opts = ResourceOptions(replace_on_changes=["assumeRolePolicy"])

            def inner() -> None:
                role = aws.iam.Role("r", assume_role_policy=json.dumps(trust(service)), opts=opts)
                pulumi.export("role", role.name)

            return inner

        old = stack.up(program("lambda"))["role"]
        assert stack.preview(program("ecs")) == [(Action.REPLACE, "r")]
        new = stack.up(program("ecs"))["role"]

        assert new != old
        assert "iam:UpdateAssumeRolePolicy" not in stack.calls()
        with pytest.raises(ClientError, match="NoSuchEntity"):
            stack.client("iam").get_role(RoleName=old)

    def test_ignored_changes_make_no_call(self, stack: Stack) -> None:
        def program(delay: int) -> Callable[[], None]:
            opts = ResourceOptions(ignore_changes=["delaySeconds"])

            def inner() -> None:
                aws.sqs.Queue("q", delay_seconds=delay, opts=opts)

            return inner

        stack.up(program(1))
        stack.up(program(2))

        assert stack.calls() == []


class TestProtection:
    def test_a_replacement_is_refused_before_anything_changes(self, stack: Stack) -> None:
        stack.up(everything(protect=True))

        with pytest.raises(ProtectedError, match="unable to replace resource") as error:
            stack.up(everything(protect=True, fifo=True))

        assert stack.calls() == []
        assert str(error.value).count("currently marked for protection") == 2
        assert "::dead" in str(error.value)
        assert "::work" in str(error.value)

    def test_a_deletion_is_refused_before_anything_changes(self, stack: Stack) -> None:
        stack.up(everything(protect=True))

        with pytest.raises(ProtectedError, match="cannot be deleted\nbecause it is protected"):
            stack.up(lambda: None)

        assert stack.calls() == []
        assert sorted(stack.names()) == ["dead", "policy", "work"]

    def test_a_protected_resource_is_updated(self, stack: Stack) -> None:
        stack.up(everything(protect=True))
        stack.up(everything(protect=True, receives=4))

        assert "sqs:SetQueueAttributes" in stack.calls()

    def test_destroy_is_refused_before_anything_is_deleted(self, stack: Stack) -> None:
        stack.up(everything(protect=True))

        with pytest.raises(ProtectedError, match="pulumi state unprotect"):
            stack.destroy()

        assert stack.calls() == []

    def test_without_the_protection_it_goes_through(self, stack: Stack) -> None:
        stack.up(everything(protect=True))
        stack.up(everything())

        assert stack.calls() == []
        stack.up(everything(fifo=True))
        stack.destroy()
        assert stack.names() == []


class TestDestroy:
    def test_dependents_go_first(self, stack: Stack) -> None:
        def program() -> None:
            key = aws.kms.Key("key", deletion_window_in_days=7)
            aws.kms.Alias("alias", name="alias/gone", target_key_id=key.key_id)
            topic = aws.sns.Topic("topic", kms_master_key_id=key.arn)
            queue = aws.sqs.Queue("queue")
            aws.sns.TopicSubscription(
                "subscription", topic=topic.arn, protocol="sqs", endpoint=queue.arn
            )

        stack.up(program)
        stack.destroy()

        calls = [c for c in stack.calls() if not c.partition(":")[2].startswith(("Get", "Desc"))]
        assert calls.index("sns:Unsubscribe") < calls.index("sns:DeleteTopic")
        assert calls.index("sns:DeleteTopic") < calls.index("kms:ScheduleKeyDeletion")
        assert calls.index("kms:DeleteAlias") < calls.index("kms:ScheduleKeyDeletion")
        assert stack.names() == []

    def test_an_order_that_changed_later_counts(self, stack: Stack) -> None:
        def program(*, redrive: bool) -> Callable[[], None]:
            def inner() -> None:
                policy = None
                if redrive:
                    target = aws.sqs.Queue("z-dead").arn
                    policy = pulumi.Output.json_dumps(
                        {"deadLetterTargetArn": target, "maxReceiveCount": 3}
                    )
                aws.sqs.Queue("a-work", redrive_policy=policy)

            return inner

        stack.up(program(redrive=False))
        stack.up(program(redrive=True))

        assert stack.names() == ["z-dead", "a-work"]

    def test_a_bucket_with_objects_stays_and_the_next_destroy_finishes(self, stack: Stack) -> None:
        def program() -> None:
            bucket = aws.s3.Bucket("bucket")
            aws.s3.BucketVersioning(
                "versioning",
                bucket=bucket.bucket,
                versioning_configuration={"status": "Enabled"},
            )
            pulumi.export("bucket", bucket.bucket)

        bucket = stack.up(program)["bucket"]
        s3 = stack.client("s3")
        version = s3.put_object(Bucket=bucket, Key="k", Body=b"")["VersionId"]

        with pytest.raises(Exception, match="BucketNotEmpty"):
            stack.destroy()
        assert stack.names() == ["bucket"]
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
        stack.destroy()
        assert stack.names() == []


class TestPreview:
    def test_of_a_new_stack_everything_is_created(self, stack: Stack) -> None:
        assert sorted(stack.preview(everything())) == [
            (Action.CREATE, "dead"),
            (Action.CREATE, "policy"),
            (Action.CREATE, "work"),
        ]
        assert stack.calls() == []
        assert stack.names() == []

    def test_without_changes_it_is_empty(self, stack: Stack) -> None:
        stack.up(everything())

        assert stack.preview(everything()) == []

    def test_an_update_leaves_dependents_alone(self, stack: Stack) -> None:
        stack.up(everything())

        assert stack.preview(everything(receives=7)) == [(Action.UPDATE, "work")]
        assert stack.calls() == []

    def test_what_depends_on_a_replacement_changes_too(self, stack: Stack) -> None:
        stack.up(everything())

        assert sorted(stack.preview(everything(fifo=True))) == [
            (Action.REPLACE, "dead"),
            (Action.REPLACE, "policy"),
            (Action.REPLACE, "work"),
        ]

    def test_deletions_come_last(self, stack: Stack) -> None:
        stack.up(everything())

        assert [action for action, _ in stack.preview(lambda: None)] == [Action.DELETE] * 3

    def test_a_changed_option_is_a_change(self, stack: Stack) -> None:
        stack.up(everything())

        changes = stack.preview(everything(protect=True))
        assert sorted(changes) == [(Action.UPDATE, "dead"), (Action.UPDATE, "work")]
