"""A run of many messages: batches, refusals, the record beside the file, and going on."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runtask.delivery import progress
from runtask.delivery.batches import MAX_BATCH_BYTES, batches, message_bytes
from runtask.delivery.pace import Pace
from runtask.delivery.record import Record, RunHeader
from runtask.delivery.run import SendOptions, SentMessage, send
from runtask.delivery.sender import Delivery, InterruptedSendError, Sender
from runtask.errors import AccountError, RuntaskError, UsageError
from runtask.messages import Message, MessageInput
from runtask.project import load_project
from tests.runtask.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BODY = json.dumps({"ECS": {"cluster": "batch", "taskDefinition": "report"}})


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "SendMessageBatch",
    )


@dataclass
class FakeSqs:
    """A queue; `before` and `after` are called around each batch and may raise, or fail entries."""

    before: Callable[[list[str]], list[dict[str, Any]] | None] = lambda _keys: None
    after: Callable[[list[str]], None] = lambda _keys: None
    keys: list[str] = field(default_factory=list)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        with self.lock:
            self.calls.append(Entries)
            keys = {one["Id"]: one["MessageAttributes"]["key"]["StringValue"] for one in Entries}
            failed = self.before(list(keys.values())) or []
            refused = {one["Id"] for one in failed}
            taken = {at: key for at, key in keys.items() if at not in refused}
            self.keys += taken.values()
            self.after(list(keys.values()))
            return {
                "Successful": [{"Id": at, "MessageId": f"id-{key}"} for at, key in taken.items()],
                "Failed": failed,
            }


def messages(count: int, group: str | None = None) -> list[Message]:
    return [
        Message(source=f"rows.csv:{at + 2}", body=BODY, key=f"k{at}", group=group)
        for at in range(count)
    ]


def sender(sqs: FakeSqs, count: int, record: Record | None = None, **options: Any) -> Sender:
    return Sender(
        Delivery(
            **{
                "client": cast("Any", sqs),
                "url": "url",
                "fifo": False,
                "messages": messages(count),
                "record": record,
                "rate": None,
                "explain": lambda message, error: RuntaskError(f"{message.source}: {error}"),
                **options,
            }
        )
    )


def opened(path: Path, count: int, *, digest: str = "d", run: str | None = None) -> Record:
    header = RunHeader(
        stage="dev",
        account="111111111111",
        region="eu-central-1",
        messages=count,
        digest=digest,
        run=run or "first",
        started="2026-11-24T10:00:00Z",
    )
    return Record.open(path, header, run)


# --- Batches


def test_a_batch_has_ten_messages_and_no_more_than_a_mebibyte() -> None:
    small = messages(25)
    large = [Message(source="s", body="x" * (MAX_BATCH_BYTES // 4), key="k") for _ in range(8)]

    assert [len(one) for one in batches(small, range(25))] == [10, 10, 5]
    packed = batches(large, range(8))
    assert [len(one) for one in packed] == [3, 3, 2]
    assert all(sum(message_bytes(large[at]) for at in one) <= MAX_BATCH_BYTES for one in packed)


def test_every_message_is_sent_once() -> None:
    sqs = FakeSqs()
    run = sender(sqs, 1003)

    run.run(progress.Silent())

    assert Counter(sqs.keys) == Counter(f"k{at}" for at in range(1003))
    assert run.sent == {at: f"id-k{at}" for at in range(1003)}


def test_a_group_of_a_fifo_queue_is_sent_in_its_order() -> None:
    sqs = FakeSqs()
    run = sender(sqs, 200, fifo=True, messages=messages(200, group="g"))

    run.run(progress.Silent())

    assert run._threads == 1  # the fake is too fast for two threads to meet

    assert sqs.keys == [f"k{at}" for at in range(200)]
    first = sqs.calls[0][0]
    assert (first["MessageGroupId"], first["MessageDeduplicationId"]) == ("g", "k0")


def test_a_group_goes_to_a_standard_queue_too() -> None:
    sqs = FakeSqs()

    sender(sqs, 1, messages=messages(1, group="g")).run(progress.Silent())

    (call,) = sqs.calls
    assert call[0]["MessageGroupId"] == "g"
    assert "MessageDeduplicationId" not in call[0]


def test_a_rate_is_held_over_all_threads() -> None:
    now = [100.0]
    pace = Pace(50, clock=lambda: now[0])

    assert [pace.delay(10) for _ in range(3)] == pytest.approx([0.0, 0.2, 0.4])
    now[0] += 10
    assert pace.delay(10) == 0.0


# --- Refusals


def test_an_entry_that_sqs_cannot_take_for_the_moment_is_sent_again() -> None:
    rest = iter([["3", "7"], ["7"]])

    def before(_keys: list[str]) -> list[dict[str, Any]]:
        return [{"Id": at, "SenderFault": False, "Code": "InternalError"} for at in next(rest, [])]

    sqs = FakeSqs(before=before)

    sender(sqs, 10).run(progress.Silent())

    assert [len(call) for call in sqs.calls] == [10, 2, 1]
    assert Counter(sqs.keys) == Counter(f"k{at}" for at in range(10))


def test_an_entry_that_is_refused_is_named(tmp_path: Path) -> None:
    def before(_keys: list[str]) -> list[dict[str, Any]]:
        return [{"Id": "4", "SenderFault": True, "Code": "InvalidMessageContents"}]

    with opened(tmp_path / "r", 10) as record:
        run = sender(FakeSqs(before=before), 10, record)
        with pytest.raises(RuntaskError, match=r"rows.csv:6: .*InvalidMessageContents"):
            run.run(progress.Silent())

    assert len(run.sent) == 9
    with opened(tmp_path / "r", 10) as record:
        assert (sorted(record.sent), record.in_doubt) == ([0, 1, 2, 3, 5, 6, 7, 8, 9], set())


def test_a_refusal_stops_the_run_and_says_how_far_it_is(tmp_path: Path) -> None:
    def before(keys: list[str]) -> None:
        if "k500" in keys:
            raise client_error("ExpiredToken", 403)

    with opened(tmp_path / "r", 1000) as record:
        run = sender(FakeSqs(before=before), 1000, record)
        with pytest.raises(RuntaskError, match="ExpiredToken"):
            run.run(progress.Silent())
        sent = len(run.sent)
        assert run.so_far.startswith(f"{sent:,} of 1,000 messages were sent; to go on, run the")

    assert 0 < sent < 1000


# --- The record


@pytest.mark.parametrize("broken_after", [1, 40, 99])
def test_a_broken_run_goes_on_and_doubles_nothing(tmp_path: Path, broken_after: int) -> None:
    calls = iter(range(1000))

    def before(_keys: list[str]) -> None:
        if next(calls) == broken_after:
            raise client_error("InvalidAccessKeyId", 403)

    sqs = FakeSqs(before=before)
    with opened(tmp_path / "r", 1000) as record, pytest.raises(RuntaskError):
        sender(sqs, 1000, record).run(progress.Silent())
    with opened(tmp_path / "r", 1000) as record:
        assert record.in_doubt == set()
        run = sender(sqs, 1000, record)
        run.run(progress.Silent())

    assert Counter(sqs.keys) == Counter(f"k{at}" for at in range(1000))
    assert len(run.sent) == 1000


def test_an_answer_that_is_lost_leaves_its_batch_in_doubt_and_the_keys_are_the_same(
    tmp_path: Path,
) -> None:
    def after(keys: list[str]) -> None:
        if "k5" in keys:
            sqs.after = lambda _keys: None
            raise EndpointConnectionError(endpoint_url="https://sqs")

    sqs = FakeSqs(after=after)
    with opened(tmp_path / "r", 30) as record, pytest.raises(RuntaskError):
        sender(sqs, 30, record, threads=1).run(progress.Silent())
    with opened(tmp_path / "r", 30) as record:
        assert record.in_doubt == set(range(10))
        sender(sqs, 30, record).run(progress.Silent())

    doubled = {key for key, times in Counter(sqs.keys).items() if times > 1}
    assert doubled == {f"k{at}" for at in range(10)}
    assert set(sqs.keys) == {f"k{at}" for at in range(30)}


def test_the_end_of_a_line_that_was_being_written_is_no_line(tmp_path: Path) -> None:
    with opened(tmp_path / "r", 30) as record:
        record.finish({0: "a"})
    with (tmp_path / "r").open("a", encoding="utf-8") as file:
        file.write('{"sent":{"1":"b"')

    with opened(tmp_path / "r", 30) as record:
        assert record.sent == {0: "a"}
        record.finish({1: "b"})
    with opened(tmp_path / "r", 30) as record:
        assert record.sent == {0: "a", 1: "b"}


def test_a_record_of_other_input_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "r", 30) as record:
        record.finish({0: "a"})

    with pytest.raises(UsageError, match=r"is the record of other input.*1 of 30 messages"):
        opened(tmp_path / "r", 30, digest="other")
    with pytest.raises(UsageError, match="or another --run"):
        opened(tmp_path / "r", 30, run="second")


def test_a_finished_run_is_not_sent_again_unless_it_is_named_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "r", 1) as record:
        record.finish({0: "a"})

    with pytest.raises(UsageError, match=r"all 1 messages were sent .* pass --run NAME"):
        opened(tmp_path / "r", 1)
    with opened(tmp_path / "r", 1, run="second") as record:
        assert (record.sent, record.header.run) == ({}, "second")


def test_a_finished_record_gives_way_to_other_input(tmp_path: Path) -> None:
    with opened(tmp_path / "r", 1) as record:
        record.finish({0: "a"})

    with opened(tmp_path / "r", 2, digest="other") as record:
        assert (record.sent, record.header.messages) == ({}, 2)


def test_two_runs_cannot_share_a_record(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "r", 1),
        pytest.raises(UsageError, match="another runtask is sending from this record"),
    ):
        opened(tmp_path / "r", 1)


@pytest.mark.parametrize("content", ["id,name\n1,a\n", "{}\n", '{"record": 2}\n', "[]\n", "text"])
def test_a_file_that_is_no_record_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "r").write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match="not a record of this command"):
        opened(tmp_path / "r", 1)

    assert (tmp_path / "r").read_text(encoding="utf-8") == content


def test_a_record_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name another record with --record FILE"):
        opened(tmp_path / "missing" / "r", 1)


def test_a_record_holds_keys_of_no_body(tmp_path: Path) -> None:
    with opened(tmp_path / "r", 30) as record:
        sender(FakeSqs(), 30, record).run(progress.Silent())

    text = (tmp_path / "r").read_text(encoding="utf-8")
    assert "batch" not in text
    assert (tmp_path / "r").stat().st_mode & 0o077 == 0


# --- Ctrl-C


def test_ctrl_c_brings_what_is_under_way_to_its_end(tmp_path: Path) -> None:
    answered = threading.Event()

    def before(_keys: list[str]) -> None:
        if not answered.is_set():
            answered.set()
            signal.raise_signal(signal.SIGINT)

    sqs = FakeSqs(before=before)
    with opened(tmp_path / "r", 10_000) as record:
        run = sender(sqs, 10_000, record)
        with pytest.raises(InterruptedSendError, match=r"interrupted; [\d,]+ of 10,000 messages"):
            run.run(progress.Silent())

    with opened(tmp_path / "r", 10_000) as record:
        assert record.in_doubt == set()
        assert {f"k{at}" for at in record.sent} == set(sqs.keys)
        assert 0 < len(sqs.keys) < 10_000


# --- Progress


def test_without_a_terminal_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [0.0]
    lines = progress.Lines(1000, 200, clock=lambda: now[0])

    for seconds, sent in ((1, 250), (6, 500), (7, 600), (16, 1000)):
        now[0] = seconds
        lines.update(sent)

    assert capsys.readouterr().err.splitlines() == [
        "500 of 1,000 sent, 50 a second, 10 s left",
        "1,000 of 1,000 sent, 50 a second, 0 s left",
    ]


def test_a_long_time_is_shown_in_minutes() -> None:
    assert [progress.shown_seconds(one) for one in (0.4, 119, 600)] == ["0 s", "119 s", "10 min"]


@pytest.mark.usefixtures("queue")
def test_expired_credentials_in_the_middle_are_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.client import BaseClient  # noqa: PLC0415

    from runtask.account import ProfileSessions  # noqa: PLC0415

    call = BaseClient._make_api_call  # type: ignore[attr-defined]
    calls = iter(range(100))

    def answer(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
        if name == "SendMessageBatch" and next(calls) == 1:
            raise client_error("ExpiredToken", 403)
        return call(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    source = MessageInput(messages=tuple(messages(25)))
    config = load_project(ROOT).stage_config("dev")
    sent: list[SentMessage] = []

    with pytest.raises(AccountError) as caught:
        sent.extend(
            send(
                source,
                config,
                ProfileSessions(),
                SendOptions(record=tmp_path / "r", threads=1),
            )
        )

    assert len(sent) == 10
    assert "sign in again (aws sso login); 10 of 25 messages were sent; to go on, run the" in str(
        caught.value
    )
