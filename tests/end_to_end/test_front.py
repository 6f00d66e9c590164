"""Nobody but the one who rehearses can make the embedded AWS do anything.

RunTask is the call to refuse: it starts a command as the one who rehearses.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.awsrequest import AWSRequest

from rehearsal.emulator import Credentials
from tests.end_to_end.ecs_calls import (
    ACCOUNT,
    NETWORK,
    REGION,
    function_zip,
    register,
    statement,
    wait,
)
from tests.end_to_end.signed_requests import Answer, exchange, get, sign

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.fault_injection import FaultyEmulator

ECS: Final = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RunTask",
}
GUESS: Final = "test"

# As AWS answers; S3 takes it for a call of the public.
UNSIGNED: Final = ("MissingAuthenticationToken", "<Code>AccessDenied</Code>")

# As a web page may send it without asking first.
FORM: Final = "application/x-www-form-urlencoded"


@pytest.fixture
def mark(ecs: Any, tmp_path: Path) -> Path:
    """Return the file that the command of the task definition `attack` writes."""
    path = tmp_path / "mark"
    register(ecs, "attack", ["touch", str(path)])
    return path


@pytest.fixture
def nothing_started(ecs: Any, mark: Path) -> Any:
    """Check afterwards that no task was started."""
    before = tasks(ecs)
    yield
    assert tasks(ecs) == before
    assert not mark.exists()


def tasks(ecs: Any) -> set[str]:
    return {
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in ecs.list_tasks(cluster="jobs", family="attack", desiredStatus=status)["taskArns"]
    }


def run_task(family: str = "attack") -> bytes:
    request = {
        "cluster": "jobs",
        "taskDefinition": family,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    }
    return json.dumps(request).encode()


def fake(secret: str = GUESS, account: str = ACCOUNT, token: str = "") -> Credentials:
    return Credentials(access_key=account, secret_key=secret, token=token)


def call(
    emulator: FaultyEmulator,
    credentials: Credentials | None = None,
    *,
    body: bytes = b"",
    more: dict[str, str] | None = None,
) -> Answer:
    """Sign a call of RunTask, and send it with more headers, or with another body."""
    right = run_task()
    request = AWSRequest("POST", f"{emulator.endpoint}/", headers=ECS, data=right)
    headers = sign(request, credentials or emulator.root(ACCOUNT))
    return exchange(emulator, "POST", "/", headers | (more or {}), body or right)


def code(answer: Answer) -> str:
    """Return the error code of an answer."""
    if found := re.search("<Code>(.*)</Code>", answer.text):
        return found.group(1)
    return str(json.loads(answer.text).get("__type", "")).rpartition("#")[2]


def test_who_has_the_secret_starts_a_task(emulator: FaultyEmulator, ecs: Any, mark: Path) -> None:
    answer = call(emulator)

    assert answer.status == 200, answer.text
    wait(ecs, json.loads(answer.text)["tasks"][0]["taskArn"])
    assert mark.exists()


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize("signature", ["00", "0" * 64])
def test_a_made_up_signature_is_refused(emulator: FaultyEmulator, signature: str) -> None:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    answer = exchange(
        emulator,
        "POST",
        "/",
        {
            **ECS,
            "X-Amz-Date": now,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/{now[:8]}/{REGION}/ecs/"
            f"aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}",
        },
        run_task(),
    )

    assert (answer.status, code(answer)) == (400, "InvalidSignatureException")


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize(
    "credentials",
    [
        fake(),
        fake(""),
        fake(account="test"),
        fake(account="AKIAIOSFODNN7EXAMPLE"),
        fake(token=GUESS),
    ],
    ids=["guessed", "empty", "default", "unknown", "token"],
)
def test_a_made_up_secret_or_key_is_refused(
    emulator: FaultyEmulator, credentials: Credentials
) -> None:
    answer = call(emulator, credentials)

    assert answer.status == 400
    assert code(answer) in {"InvalidSignatureException", "UnrecognizedClientException"}


@pytest.mark.usefixtures("nothing_started")
def test_the_credentials_of_a_function_cannot_be_computed(emulator: FaultyEmulator) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:attacked"
    role = f"arn:aws:iam::{ACCOUNT}:role/task"
    functions = emulator.client("lambda", ACCOUNT, REGION)
    functions.create_function(
        FunctionName="attacked",
        Role=role,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": function_zip()},
    )
    functions.invoke(FunctionName="attacked")
    digest = hashlib.sha256(f"{function}:{role}".encode()).hexdigest()
    computed = Credentials(
        access_key=f"ASIA{digest[:16].upper()}",
        secret_key=hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        token=hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    )
    path = "/?Action=GetCallerIdentity&Version=2011-06-15"
    headers = sign(AWSRequest("GET", f"{emulator.endpoint}{path}"), computed, "sts")

    answer = exchange(emulator, "GET", path, headers)

    assert (answer.status, code(answer)) == (403, "InvalidClientTokenId")
    assert code(call(emulator, computed)) == "UnrecognizedClientException"


@pytest.mark.parametrize("where", ["query", "header"])
def test_one_signature_does_not_serve_two_users(
    emulator: FaultyEmulator, as_role: Any, where: str
) -> None:
    """A role's own signature beside the name of the root user."""
    client = as_role("sts", statement("sqs:ListQueues"))
    known = client._request_signer._credentials
    path = "/?Action=GetCallerIdentity&Version=2011-06-15"
    if where == "query":
        path += f"&X-Amz-Credential={ACCOUNT}%2F20260101%2F{REGION}%2Fsts%2Faws4_request"
    mine = Credentials(access_key=known.access_key, secret_key=known.secret_key, token=known.token)
    headers = sign(AWSRequest("GET", f"{emulator.endpoint}{path}"), mine, "sts")
    if where == "header":
        headers["Authorization"] += f", Credential={ACCOUNT}/20260101/{REGION}/sts/aws4_request"

    answer = exchange(emulator, "GET", path, headers)

    assert (answer.status, code(answer)) == (400, "IncompleteSignature")


@pytest.mark.usefixtures("nothing_started")
def test_a_right_signature_of_another_body_is_refused(emulator: FaultyEmulator) -> None:
    answer = call(emulator, body=run_task("attack:1"))

    assert (answer.status, code(answer)) == (400, "InvalidSignatureException")


def test_an_object_with_another_body_is_refused(emulator: FaultyEmulator) -> None:
    s3 = emulator.client("s3", ACCOUNT, REGION)
    s3.create_bucket(Bucket="signed", CreateBucketConfiguration={"LocationConstraint": REGION})
    request = AWSRequest("PUT", f"{emulator.endpoint}/signed/a", data=b"mine")
    headers = sign(request, emulator.root(ACCOUNT), "s3")

    assert exchange(emulator, "PUT", "/signed/a", headers, b"mine").status == 200
    answer = exchange(emulator, "PUT", "/signed/a", headers, b"evil")

    assert (answer.status, code(answer)) == (403, "XAmzContentSHA256Mismatch")
    assert s3.get_object(Bucket="signed", Key="a")["Body"].read() == b"mine"


@pytest.mark.usefixtures("nothing_started")
def test_a_header_that_is_not_signed_is_refused(emulator: FaultyEmulator) -> None:
    request = AWSRequest("POST", f"{emulator.endpoint}/", data=run_task())
    headers = sign(request, emulator.root(ACCOUNT))

    answer = exchange(emulator, "POST", "/", headers | ECS, run_task())

    assert (answer.status, code(answer)) == (400, "InvalidSignatureException")
    assert "x-amz-target" in answer.text


def test_a_presigned_url_is_refused(emulator: FaultyEmulator) -> None:
    s3 = emulator.client("s3", ACCOUNT, REGION)
    url = s3.generate_presigned_url("list_buckets")

    answer = exchange(emulator, "GET", url.removeprefix(emulator.endpoint), {})

    assert (answer.status, code(answer)) == (403, "AccessDenied")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_signature_of_another_time_is_refused(
    emulator: FaultyEmulator, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: then)

    answer = get(emulator, "/?Action=ListQueues")

    assert answer.status == 403
    assert "Signature" in answer.text


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize("content_type", [ECS["Content-Type"], FORM])
def test_an_unsigned_call_is_refused(emulator: FaultyEmulator, content_type: str) -> None:
    answer = exchange(emulator, "POST", "/", {**ECS, "Content-Type": content_type}, run_task())

    assert answer.status in {400, 403}
    assert "MissingAuthenticationToken" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/_ministack/health"),
        ("GET", "/_ministack/ready"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_ministack/lambda-code/attacked"),
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("POST", "/_ministack/rds/iam-auth"),
        ("GET", "/health"),
        ("GET", "/latest/meta-data/iam/security-credentials/"),
        ("OPTIONS", "/"),
        ("POST", "/2015-03-31/functions/attacked/invocations"),
        ("POST", "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15"),
    ],
)
def test_nothing_is_served_without_a_signature(
    emulator: FaultyEmulator, method: str, path: str
) -> None:
    answer = exchange(emulator, method, path, {})

    assert answer.status in {400, 403}
    assert any(text in answer.text for text in UNSIGNED), answer.text


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_web_pages_request_is_refused(emulator: FaultyEmulator, header: dict[str, str]) -> None:
    answer = call(emulator, more=header)

    assert answer.status == 403
    assert "web page" in answer.text
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_web_page_gets_no_leave_to_ask(emulator: FaultyEmulator) -> None:
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answer = exchange(emulator, "OPTIONS", "/", asking)

    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "x.127.0.0.1"])
def test_a_request_to_another_name_is_refused(emulator: FaultyEmulator, host: str) -> None:
    """A name that an attacker lets resolve to 127.0.0.1 (DNS rebinding)."""
    named = {**ECS, "Host": f"{host}:1"}
    request = AWSRequest("POST", f"http://{host}:1/", headers=named, data=run_task())
    headers = sign(request, emulator.root(ACCOUNT))

    answer = exchange(emulator, "POST", "/", headers, run_task())

    assert answer.status == 403
    assert "is not this emulator's" in answer.text


def test_no_answer_can_be_read_by_a_web_page(emulator: FaultyEmulator) -> None:
    answer = get(emulator, "/?Action=ListQueues")

    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_websocket_is_refused(emulator: FaultyEmulator) -> None:
    host, port = emulator.endpoint.removeprefix("http://").split(":")
    upgrade = (
        f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(upgrade.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_what_aws_gave_out_is_accepted(as_role: Any) -> None:
    assert as_role("sqs", statement("sqs:ListQueues")).list_queues()
