"""400 messages through the embedded AWS, in real time, against a RunTask that throttles."""

from __future__ import annotations

import io
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.bundle import artifact_object_key
from rehearsal.deployment import deploy_stage
from rehearsal.fault_injection import FaultyEmulator, throttle
from runtask.project import load_project

MESSAGES: Final = 400
RATE: Final = 20.0

BURST: Final = 2
"""One call of each of two environments may fall together; more would be a gift to the ratio."""

IDEAL_SECONDS: Final = (MESSAGES - BURST) / RATE

PATIENCE_SECONDS: Final = 90.0

_STAGE: Final = "dev"
_MAX_SEND: Final = 10
_POLL_SECONDS: Final = 0.25
_ROOT: Final = Path(__file__).parents[1]

_NO_PACER: Final = {
    "function/application.py": (
        "RateLimiter(settings.launch_rate_per_instance,",
        "RateLimiter(1e6,",
    )
}
_ADAPTIVE: Final = {
    "function/handler.py": (
        '"mode": "standard"',
        '"mode": "adaptive" if attempts == 1 else "standard"',
    )
}

POLICIES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "ours": {},
    "botocore's adaptive mode": _NO_PACER | _ADAPTIVE,
}
"""What is changed in the artifact, by file: a text and what stands in its location."""


@dataclass(frozen=True)
class _Stage:
    """A stage that runs in an emulator."""

    emulator: FaultyEmulator
    outputs: dict[str, Any]
    artifact: bytes
    account: str
    region: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from the service
        return self.emulator.client(service, self.account, self.region)

    def patch(self, changes: dict[str, tuple[str, str]]) -> None:
        """Put a changed artifact in the place of the one that was deployed.

        Raises:
            ValueError: the text that is to be changed is no longer there.
        """
        changed = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(self.artifact)) as old,
            zipfile.ZipFile(changed, "w") as new,
        ):
            for name in old.namelist():
                content = old.read(name)
                if name in changes:
                    before, after = changes[name]
                    if before not in content.decode():
                        raise ValueError(f"{name} no longer holds {before}")
                    content = content.decode().replace(before, after).encode()
                # Compiled files of the old text would be believed, whatever the source says.
                if not name.endswith(".pyc"):
                    new.writestr(name, content)
        functions, name = self.client("lambda"), self.outputs["functionName"]
        functions.update_function_code(FunctionName=name, ZipFile=changed.getvalue())
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def _deploy(emulator: FaultyEmulator) -> _Stage:
    deployed = deploy_stage(emulator, load_project(_ROOT), _STAGE)
    account, region = deployed.location.account, deployed.location.region
    artifact = emulator.client("s3", account, region).get_object(
        Bucket=deployed.bootstrap_outputs["artifactBucket"],
        Key=artifact_object_key(deployed.outputs["artifactDigest"]),
    )["Body"]
    return _Stage(emulator, dict(deployed.outputs), artifact.read(), account, region)


def measure(changes: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Return what became of the messages, from the first that is sent to the last task.

    The function is cold, and its mapping works while the messages are sent, ten at a time.
    """
    with FaultyEmulator.start() as emulator:
        stage = _deploy(emulator)
        if changes:
            stage.patch(changes)
        emulator.inject(throttle(RATE, burst=BURST))
        body = (_ROOT / "examples" / "run-task.json").read_text(encoding="utf-8")
        sqs, queue = stage.client("sqs"), stage.outputs["queueUrl"]
        begun = time.time()
        for first in range(0, MESSAGES, _MAX_SEND):
            sqs.send_message_batch(
                QueueUrl=queue,
                Entries=[
                    {"Id": str(number), "MessageBody": body}
                    for number in range(first, first + _MAX_SEND)
                ],
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            calls = emulator.calls("RunTask")
            moments = sorted(call.time - begun for call in calls if call.tasks)
            if len(moments) >= MESSAGES or time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        # Read once more after it is over: what starts twice starts late.
        time.sleep(_POLL_SECONDS)
        calls = emulator.calls("RunTask")
        dead = sqs.get_queue_attributes(
            QueueUrl=stage.outputs["deadLetterQueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]["ApproximateNumberOfMessages"]
        tasks = [task for call in calls for task in call.tasks]
        whole = len(moments) >= MESSAGES
        seconds = moments[MESSAGES - 1] if whole else float("inf")
        return {
            "seconds": seconds if whole else PATIENCE_SECONDS,
            "ratio": (seconds if whole else PATIENCE_SECONDS) / IDEAL_SECONDS,
            "ratio to 20 s": (seconds if whole else PATIENCE_SECONDS) / (MESSAGES / RATE),
            "started": len(set(tasks)),
            "twice": len(set(tasks)) - len({call.started_by for call in calls if call.tasks}),
            "throttled": sum(call.error == "ThrottlingException" for call in calls),
            "dead": int(dead),
            "curve": moments[:: MESSAGES // 40] + moments[-1:],
        }


def run_once() -> dict[str, dict[str, Any]]:
    """Return the figures of each policy."""
    return {name: measure(changes) for name, changes in POLICIES.items()}
