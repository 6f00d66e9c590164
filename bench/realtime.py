"""400 tasks through the embedded AWS, in real time, with a RunTask that throttles."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.artifact_keys import BUILDS, artifact_object_key
from rehearsal.deployment import deploy_stage
from rehearsal.fault_injection import FaultyEmulator, throttle
from runtask.project import load_project

# The tasks of all messages together.
TASKS: Final = 400
RATE: Final = 20.0

# One call of each of two environments may coincide; a larger burst would flatter the ratio.
BURST: Final = 2

IDEAL_SECONDS: Final = (TASKS - BURST) / RATE

PATIENCE_SECONDS: Final = 90.0

_STAGE: Final = "dev"
_MAX_SEND: Final = 10
_POLL_SECONDS: Final = 0.25
_ROOT: Final = Path(__file__).parents[1]

_NO_RATE_LIMITER: Final = {
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


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is deployed, and what is sent.

    Attributes:
        changes: What is replaced in the artifact: by file, a text and its replacement.
        count: The tasks of one message.
    """

    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    count: int = 1


POLICIES: Final = {
    "ours": Policy(),
    "ours, count 10": Policy(count=10),
    "botocore's adaptive mode": Policy(changes=_NO_RATE_LIMITER | _ADAPTIVE),
}


@dataclass(frozen=True)
class _Stage:
    """A deployed stage in the embedded AWS."""

    emulator: FaultyEmulator
    outputs: dict[str, Any]
    artifact: bytes
    account: str
    region: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - its type depends on the service
        return self.emulator.client(service, self.account, self.region)

    def patch(self, changes: dict[str, tuple[str, str]]) -> None:
        """Replace the deployed artifact with a changed one.

        Raises:
            ValueError: if the text to replace is no longer there.
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
                        raise ValueError(f"{name} no longer contains {before}")
                    content = content.decode().replace(before, after).encode()
                # Python would use the compiled files of the old source.
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
        Key=artifact_object_key(BUILDS, deployed.outputs["artifactDigest"]),
    )["Body"]
    return _Stage(emulator, dict(deployed.outputs), artifact.read(), account, region)


def measure(policy: Policy) -> dict[str, Any]:
    """Return the figures of one policy, from the first message that is sent to the last task.

    The function is cold, and its mapping already receives while the messages are sent.
    """
    with FaultyEmulator.start() as emulator:
        stage = _deploy(emulator)
        if policy.changes:
            stage.patch(policy.changes)
        emulator.inject(throttle(RATE, burst=BURST))
        request = json.loads((_ROOT / "examples" / "run-task.json").read_text(encoding="utf-8"))
        request["ECS"]["count"] = policy.count
        body, messages = json.dumps(request), TASKS // policy.count
        sqs, queue = stage.client("sqs"), stage.outputs["queueUrl"]
        started = time.time()
        for first in range(0, messages, _MAX_SEND):
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
            moments = sorted(call.time - started for call in calls for _ in call.tasks)
            if len(moments) >= TASKS or time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        # Read once more at the end: a task that starts twice starts late.
        time.sleep(_POLL_SECONDS)
        calls = emulator.calls("RunTask")
        dead = sqs.get_queue_attributes(
            QueueUrl=stage.outputs["deadLetterQueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]["ApproximateNumberOfMessages"]
        tasks = {task: call.started_by for call in calls for task in call.tasks}
        launched = sum(min(found, policy.count) for found in Counter(tasks.values()).values())
        whole = len(moments) >= TASKS
        seconds = moments[TASKS - 1] if whole else float("inf")
        return {
            "seconds": seconds if whole else PATIENCE_SECONDS,
            "ratio": (seconds if whole else PATIENCE_SECONDS) / IDEAL_SECONDS,
            "ratio to 20 s": (seconds if whole else PATIENCE_SECONDS) / (TASKS / RATE),
            "started": len(tasks),
            "twice": len(tasks) - launched,
            "throttled": sum(call.error == "ThrottlingException" for call in calls),
            "dead": int(dead),
            "curve": moments[:: TASKS // 40] + moments[-1:],
        }


def run_once() -> dict[str, dict[str, Any]]:
    """Return the figures of each policy."""
    return {name: measure(policy) for name, policy in POLICIES.items()}
