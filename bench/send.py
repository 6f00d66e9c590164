"""10,000 messages from a CSV file: `runtask send` against bare SendMessageBatch, as many threads.

Both send the same bodies to the embedded AWS, whose process has the rest of the machine. *Bare* has
its bodies ready, checks nothing and records nothing. *Ours* reads the rows, fills them in, checks
every message as the handler would, and keeps its record; its import is not measured.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config

from function.message.idempotency import KEY_ATTRIBUTE
from rehearsal.emulator import Emulator
from rehearsal.engine import EmulatorSessions
from runtask.delivery.batches import MAX_BATCH_MESSAGES
from runtask.delivery.run import SendOptions, check, send
from runtask.delivery.sender import THREADS
from runtask.messages import read_input
from runtask.project import load_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtask.messages import Message

MESSAGES: Final = 10_000

FIGURES: Final = (
    "messages a second, bare",
    "messages a second, ours",
    "before the first message: reading rows, s",
    "before the first message: checking, s",
    "rate, times bare",
    "whole run, times bare",
)

_STAGE: Final = "dev"
_ROOT: Final = Path(__file__).parents[1]
_TEMPLATE: Final = """\
ECS:
  cluster: batch
  service: report-service
  taskDefinition: report
  overrides:
    containerOverrides:
      - name: report
        command: [sh, -c, "report --customer {id}"]
        environment: [{ name: MONTH, value: "{month}" }]
"""


def run_once() -> dict[str, float]:
    """Return messages a second of both, and their ratio, from one run."""
    with (
        Emulator.start() as emulator,
        tempfile.TemporaryDirectory(prefix="ecs-run-task-send-") as name,
    ):
        folder = Path(name)
        for file in _ROOT.glob("Pulumi*.yaml"):
            shutil.copy(file, folder)
        template, rows = folder / "job.yaml", folder / "rows.csv"
        template.write_text(_TEMPLATE, encoding="utf-8")
        lines = "".join(f"{number},2026-10\n" for number in range(MESSAGES))
        rows.write_text(f"id,month\n{lines}", encoding="utf-8")
        config = load_project(folder).stage_config(_STAGE)
        account, region = config.location.account, config.location.region
        sessions = EmulatorSessions(emulator=emulator)
        sqs = emulator.session(account, region).client(
            "sqs", endpoint_url=emulator.endpoint, config=Config(max_pool_connections=THREADS)
        )
        seconds: dict[str, float] = {}
        for subject in ("bare", "ours"):
            url = sqs.create_queue(QueueName=f"ecs-run-task-{_STAGE}")["QueueUrl"]
            if subject == "bare":
                messages = read_input([str(template)], each=str(rows)).with_keys(subject)
                started = time.perf_counter()
                _bare(sqs, url, messages)
                seconds[subject] = time.perf_counter() - started
            else:
                started = time.perf_counter()
                source = read_input([str(template)], each=str(rows))
                seconds["read"] = time.perf_counter() - started
                begun = time.perf_counter()
                check(source.with_keys(subject), config)
                seconds["check"] = time.perf_counter() - begun
                started += seconds["check"]  # it is made once more below
                how = SendOptions(record=folder / "rows.csv.dev.sent", quiet=True)
                sent = list(send(source, config, sessions, how))
                seconds[subject] = time.perf_counter() - started
                if len(sent) != MESSAGES:
                    raise ValueError(f"{len(sent)} of {MESSAGES} messages were sent")
            _check(sqs, url)
            sqs.delete_queue(QueueUrl=url)
    sending = seconds["ours"] - seconds["read"] - seconds["check"]
    values = (
        MESSAGES / seconds["bare"],
        MESSAGES / sending,
        seconds["read"],
        seconds["check"],
        seconds["bare"] / sending,
        seconds["bare"] / seconds["ours"],
    )
    return dict(zip(FIGURES, values, strict=True))


def _bare(sqs: Any, url: str, messages: Sequence[Message]) -> None:  # noqa: ANN401 - a client
    batches = deque(
        messages[first : first + MAX_BATCH_MESSAGES]
        for first in range(0, len(messages), MAX_BATCH_MESSAGES)
    )

    def work() -> None:
        while True:
            try:
                batch = batches.popleft()
            except IndexError:
                return
            sqs.send_message_batch(
                QueueUrl=url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": message.body,
                        "MessageAttributes": {
                            KEY_ATTRIBUTE: {"DataType": "String", "StringValue": message.key}
                        },
                    }
                    for number, message in enumerate(batch)
                ],
            )

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _check(sqs: Any, url: str) -> None:  # noqa: ANN401 - a client
    """Check that every message is in the queue.

    Raises:
        ValueError: if not.
    """
    name = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    if int(found) != MESSAGES:
        raise ValueError(f"{found} of {MESSAGES} messages are in the queue")
