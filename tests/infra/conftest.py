"""The two kinds of stack, registered once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.program import main
from runtask.project import Project, load_project
from tools.recorder import Recorder, record

ROOT = Path(__file__).resolve().parents[2]

Stack = Callable[..., Recorder]


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(ROOT)


@pytest.fixture(scope="session")
def bootstrap(project: Project) -> Recorder:
    return record(main, "dev-bootstrap", project.stack_config("dev-bootstrap"))


@pytest.fixture(scope="session")
def dev(project: Project) -> Recorder:
    return record(main, "dev", project.stack_config("dev"))


@pytest.fixture(scope="session")
def stack(project: Project) -> Stack:
    """Return a function that registers a stack with some of its configuration changed."""

    def run(name: str, **changes: str) -> Recorder:
        config = project.stack_config(name)
        config.update({f"ecs-run-task:{key}": value for key, value in changes.items()})
        return record(main, name, config)

    return run
