"""A call that arrives as a proxy receives it is answered: S3 Control at a host without address."""

from __future__ import annotations

import socket
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.awsrequest import AWSRequest

from tests.end_to_end.ecs_calls import ACCOUNT, REGION
from tests.end_to_end.signed_requests import sign

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator

BUCKET: Final = "tagged-by-proxy"
TAGGING: Final = (
    '<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags>'
    "<Tag><Key>team</Key><Value>a</Value></Tag></Tags></TagResourceRequest>"
)


@pytest.fixture
def s3(emulator: Emulator) -> Any:
    client = emulator.client("s3", ACCOUNT, REGION)
    location = {"LocationConstraint": REGION}
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    yield client
    client.delete_bucket(Bucket=BUCKET)


def call(emulator: Emulator, method: str, query: str = "", body: str = "") -> tuple[int, str]:
    """Send a signed request for a bucket's tags in absolute form, and return status and body."""
    authority = emulator.endpoint.removeprefix("http://")
    arn = urllib.parse.quote(f"arn:aws:s3:::{BUCKET}", safe="")
    url = f"http://{ACCOUNT}.{authority}/v20180820/tags/{arn}{query}"
    request = AWSRequest(method, url, headers={"x-amz-account-id": ACCOUNT}, data=body)
    headers = sign(request, emulator.root(ACCOUNT), "s3")
    headers |= {"Host": f"{ACCOUNT}.{authority}", "Connection": "close"}
    headers |= {"Content-Length": str(len(body))}
    lines = [f"{method} {url} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    host, _, port = authority.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + f"\r\n\r\n{body}").encode())
        answer = b""
        while received := connection.recv(65536):
            answer += received
    head, _, content = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), content


def test_tags_of_a_bucket_are_listed(emulator: Emulator, s3: Any) -> None:
    tags = [{"Key": "team", "Value": "b"}]
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})

    status, content = call(emulator, "GET")

    assert status == 200
    assert "<Tag><Key>team</Key><Value>b</Value></Tag>" in content


def test_tags_of_a_bucket_are_set_and_removed(emulator: Emulator, s3: Any) -> None:
    assert call(emulator, "POST", body=TAGGING)[0] == 204
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "team", "Value": "a"}]
    assert call(emulator, "DELETE", query="?tagKeys=team")[0] == 204
    assert "<Key>" not in call(emulator, "GET")[1]


def test_a_call_in_origin_form_still_works(s3: Any) -> None:
    assert s3.head_bucket(Bucket=BUCKET)
