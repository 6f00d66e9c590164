"""The entry point as Lambda loads it, with emulated SQS, SNS and ECS."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING

import boto3
from moto import mock_aws

from tests.unit.fakes import ENVIRONMENT, FakeClock, FakeContext, Rig, message

if TYPE_CHECKING:
    import pytest
    from types_boto3_sqs import SQSClient


def texts(sqs: SQSClient, url: str) -> list[str]:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [item["Body"] for item in found]


def test_a_batch_on_emulated_services(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        **ENVIRONMENT,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        sqs, sns = boto3.client("sqs"), boto3.client("sns")
        topic = sns.create_topic(Name="failures")["TopicArn"]
        queue = sqs.create_queue(QueueName="work")["QueueUrl"]
        dead = sqs.create_queue(QueueName="work-dlq")["QueueUrl"]
        mail = sqs.create_queue(QueueName="mail")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=mail, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
        monkeypatch.setenv("FAILURE_TOPIC_ARN", topic)
        monkeypatch.setenv("QUEUE_URL", queue)
        monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", dead)
        for name in ("CLUSTERS", "TASK_DEFINITIONS"):
            monkeypatch.setenv(name, '["*"]')
        sqs.send_message(QueueUrl=queue, MessageBody=message())
        receipt = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
        rig = Rig()
        records = [
            rig.record("{", 0),
            # The emulated ECS has no such cluster: a failure that an operator has to fix.
            rig.record(message(), 1, receiptHandle=receipt),
        ]

        monkeypatch.delitem(sys.modules, "function.handler", raising=False)
        entry = importlib.import_module("function.handler")
        context = FakeContext(FakeClock())
        response = entry.handler({"Records": records}, context)
        monkeypatch.delitem(sys.modules, "function.handler", raising=False)

        assert response == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
        assert texts(sqs, dead) == ["{"]
        notifications = [json.loads(json.loads(text)["Message"]) for text in texts(sqs, mail)]
        assert {
            (notification["state"], notification["reason"]) for notification in notifications
        } == {
            ("rejected", "not-json"),
            ("waiting", "cluster-not-found"),
        }
    assert "visibility timeout not changed" not in capsys.readouterr().out
