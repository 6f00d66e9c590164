"""Answers of ECS are remembered by what was asked."""

from __future__ import annotations

from tests.unit.fakes import Rig, message

SERVICES = {
    name: {
        "status": "ACTIVE",
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [f"subnet-{name}"]}},
    }
    for name in ("report", "invoice")
}


def test_each_service_has_its_own_answer_and_is_asked_once() -> None:
    rig = Rig()
    rig.ecs.services = {**SERVICES}
    names = ("report", "invoice", "report", "invoice")

    for number, name in enumerate(names):
        rig.run(message(service=name, networkConfiguration=None), number=number)

    networks = [call["networkConfiguration"]["awsvpcConfiguration"] for call in rig.ecs.calls]
    assert [network["subnets"] for network in networks] == [[f"subnet-{name}"] for name in names]
    assert rig.ecs.lookups == ["batch/report", "batch/invoice"]


def test_each_task_definition_is_asked_for_by_its_name() -> None:
    rig = Rig()
    overrides = {"containerOverrides": [{"command": ["run"]}]}

    for number, revision in enumerate((7, 8, 7)):
        rig.run(message(taskDefinition=f"report:{revision}", overrides=overrides), number=number)

    assert rig.ecs.lookups == ["report:7", "report:8"]
