"""What an import brings along, in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.fakes import ENVIRONMENT

ROOT = Path(__file__).parents[2]

ALLOWED = {
    "aws_lambda_powertools",
    "botocore",
    "certifi",  # by botocore, where it is installed
    "dateutil",
    "function",
    "jmespath",
    "six",
    "typing_extensions",
    "urllib3",
}
"""The handler's own, botocore and Powertools, and what these two depend on."""


def imported(statement: str, **environment: str) -> set[str]:
    """Return the top-level modules outside the standard library that a statement imports."""
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


def test_the_handler_brings_only_botocore_and_powertools() -> None:
    assert imported("import function.handler", **ENVIRONMENT) <= ALLOWED


@pytest.mark.parametrize(
    "module",
    [
        "settings",
        "failures.reasons",
        "launch.circuit_breaker",
        "launch.rate_limiter",
        "message.builder",
        "message.idempotency",
        "message.lookups",
        "sqs.backoff",
    ],
)
def test_what_other_programs_use_needs_neither_environment_nor_powertools(module: str) -> None:
    assert imported(f"import function.{module}") <= ALLOWED - {"aws_lambda_powertools"}


def test_a_broken_environment_is_named_at_import() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        imported("import function.handler", **{**ENVIRONMENT, "LAUNCH_RATE": "fast"})

    assert "LAUNCH_RATE: expected a number above 0, got 'fast'" in caught.value.stderr


def test_function_imports_nothing_of_the_other_packages() -> None:
    for file in (ROOT / "function").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not any(f"{word} {name}" in text for word in ("import", "from")
                       for name in ("runtask", "infra", "rehearsal", "tests"))  # fmt: skip
