"""What an import loads, in a fresh process, and in which direction the packages import."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.fakes import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

OUR_PACKAGES = ("bench", "function", "infra", "rehearsal", "runtask", "tests")

# The handler, botocore and Powertools, and what these two depend on.
LOADED_BY_HANDLER = {
    "aws_lambda_powertools",
    "botocore",
    "certifi",  # by botocore, if it is installed
    "dateutil",
    "function",
    "jmespath",
    "six",
    "typing_extensions",
    "urllib3",
}

# What each package may import of ours: modules, or packages with all of their modules. Imports for
# types count as well. The stack program deploys `function` as a bundle, and shares with it only
# limits, what an operator lets senders choose, the names of states, and how both check limits of
# messages and templates for events.
DIRECTION = {
    "function": ("function",),
    "infra": (
        "infra",
        "function.limits",
        "function.message.patterns",
        "function.message.task_limits",
        "function.message.templates",
        "function.outcomes.states",
        "function.sender_choice",
    ),
    "runtask": ("runtask", "infra", "function"),
    "rehearsal": ("rehearsal", "runtask", "infra", "function"),
    # The simulated AWS of the benchmarks is the tests' model of it.
    "bench": ("bench", "rehearsal", "runtask", "infra", "function", "tests.model"),
    "function.failures": ("function.failures", "function.limits"),
    "function.launch": (
        "function.launch",
        "function.failures",
        "function.ledger",
        "function.table",
        "function.clock",
        "function.limits",
    ),
    "function.message": (
        "function.message",
        "function.failures",
        "function.clock",
        "function.limits",
        "function.settings",
        "function.sqs.record",
    ),
    "function.outcomes": (
        "function.outcomes",
        "function.clock",
        "function.delivery",
        "function.failures",
        "function.launch",
        "function.limits",
        "function.message",
        "function.observability",
        "function.outcome",
        "function.settings",
        "function.sqs",
        "function.table",
    ),
    "function.sqs": (
        "function.sqs",
        "function.failures.reasons",
        "function.message.idempotency",
        "function.limits",
        "function.observability",
        "function.outcome",
    ),
}


def loaded(statement: str, **environment: str) -> set[str]:
    """Return the top-level modules outside the standard library that a statement loads."""
    code = (
        f"import sys; before = set(sys.modules); {statement};"
        " print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {name for name in done.stdout.split() if not name.startswith("__")}
    return found - set(sys.stdlib_module_names)


def imports(file: Path) -> Iterator[str]:
    """Yield the full name of everything of ours that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in OUR_PACKAGES)


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def test_the_handler_loads_only_botocore_and_powertools() -> None:
    assert loaded("import function.handler", **ENVIRONMENT) <= LOADED_BY_HANDLER


@pytest.mark.parametrize(
    "module",
    [
        "settings",
        "failures.reasons",
        "launch.admission",
        "launch.circuit_breaker",
        "launch.rate_limiter",
        "message.builder",
        "message.idempotency",
        "message.lookups",
        "message.task_limits",
        "sqs.visibility",
    ],
)
def test_what_other_programs_use_needs_neither_environment_nor_powertools(module: str) -> None:
    assert loaded(f"import function.{module}") <= LOADED_BY_HANDLER - {"aws_lambda_powertools"}


def test_what_follows_a_launch_is_loaded_with_the_first_event() -> None:
    code = "import function.handler, sys; print(*sys.modules)"
    environment = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    found = set(done.stdout.split())
    assert "function.application" in found
    for name in ("assembly", "consumer", "effects", "explanations", "reducer", "sweep"):
        assert f"function.outcomes.{name}" not in found


def test_an_invalid_environment_is_named_at_import() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        loaded("import function.handler", **{**ENVIRONMENT, "RUN_TASK_RATE": "fast"})

    assert "RUN_TASK_RATE: expected a number above 0, got 'fast'" in caught.value.stderr


@pytest.mark.parametrize("package", DIRECTION)
def test_a_package_imports_in_one_direction_only(package: str) -> None:
    files = sorted((ROOT / package.replace(".", "/")).rglob("*.py"))
    assert files

    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in imports(file)
        if not is_within(name, DIRECTION[package])
    ]

    assert wrong == []
