"""The handler compared with another version of itself, in pairs that alternate."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench.handler import RATE, THIS_TREE, Bench, Tree, each, stub

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_BATCHES: Final = 30

# Fresh processes for the import of each version, alternately, in one pair.
IMPORTS: Final = 3

# The figures of a version, which are compared.
FIGURES: Final = (
    "CPU, ms a message",
    "wall, ms a message",
    "import, CPU s",
    "first batch, CPU s",
    "peak memory, MB",
)

_VARIABLES: Final = (
    f"import json; from bench import environment; print(json.dumps(environment.variables({RATE})))"
)


def commit_of(reference: str) -> str:
    """Return the abbreviated hash of a commit.

    Raises:
        CalledProcessError: if there is no such commit.
    """
    return _git("rev-parse", "--short", "--verify", f"{reference}^{{commit}}").decode().strip()


@contextmanager
def checkout(commit: str) -> Iterator[Tree]:
    """Unpack a commit into a temporary folder for as long as the context lasts.

    Its own subject is measured, with the environment variables that its own `bench` makes, against
    the stub of this version.
    """
    with tempfile.TemporaryDirectory(prefix="ecs-run-task-against-") as name:
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as archive:
            archive.extractall(name, filter="data")
        found = subprocess.run(  # noqa: S603 - a commit of this repository
            [sys.executable, "-c", _VARIABLES], cwd=name, check=True, capture_output=True
        )
        yield Tree(root=Path(name), variables=json.loads(found.stdout))


def run(runs: int, reference: str) -> list[dict[str, float]]:
    """Return the figures of several pairs, after one that only writes the compiled files."""
    with stub() as bench, checkout(commit_of(reference)) as other:
        trees = {"ours": THIS_TREE, "reference": other}
        for tree in trees.values():
            bench.measure("ours", 0, tree=tree)
        pairs = []
        for number in range(runs):
            # Neither is always the first one.
            order = list(trees) if number % 2 == 0 else list(reversed(trees))
            pairs.append(_pair(bench, {name: trees[name] for name in order}))
        return pairs


def _pair(bench: Bench, trees: dict[str, Tree]) -> dict[str, float]:
    imports: dict[str, list[float]] = {name: [] for name in trees}
    for _ in range(IMPORTS):
        for name, tree in trees.items():
            imports[name].append(bench.measure("ours", -1, tree=tree)["import"]["cpu"])
    measured = {
        name: _figures(bench.measure("ours", WARM_BATCHES, tree=tree), imports[name])
        for name, tree in trees.items()
    }
    return {
        **{
            f"{figure}, {name}": found[figure]
            for name, found in measured.items()
            for figure in FIGURES
        },
        **{
            f"{figure}, times the reference": measured["ours"][figure]
            / measured["reference"][figure]
            for figure in FIGURES
        },
    }


def _figures(found: dict[str, Any], imports: list[float]) -> dict[str, float]:
    values = (
        each(found, "cpu"),
        each(found, "wall"),
        median(imports),
        found["first"]["cpu"],
        found["peak"],
    )
    return dict(zip(FIGURES, values, strict=True))


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=THIS_TREE.root, check=True, capture_output=True)  # noqa: S603, S607 - git of the developer
    return done.stdout
