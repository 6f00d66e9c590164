"""Message files for the tests of `runtask send`, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtask.errors import UsageError
from runtask.messages import read_input
from runtask.project import load_project
from runtask.sending import read_requests
from tests.runtask.conftest import ROOT

JOB = """\
# The nightly report.
ECS:
  cluster: batch
  service: report-service
  taskDefinition: report
  overrides:
    cpu: {cpu}
    containerOverrides:
      - name: report
        environment:
          - name: MONTH
            value: "{month}"
"""


def refusal(*arguments: Any, **options: Any) -> str:
    """Return the error of messages that cannot be read, or that the handler would reject."""
    with pytest.raises(UsageError) as caught:
        read_requests(
            read_input(*arguments, **options).with_keys("run"),
            load_project(ROOT).stage_config("dev"),
        )
    return str(caught.value)


def sent(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in read_input(*arguments, **options).messages]
