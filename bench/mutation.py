"""A mutation run over `function/`: which changes of the handler no test notices.

`python -m bench.mutation [--sample N] [--seed N]` runs mutmut with the settings in pyproject.toml,
on a seeded sample of each module's mutants, and prints a score by module and the survivors. What
was run before, and has not changed, is not run again: a larger sample extends a smaller one.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[1]
_MUTANTS: Final = ROOT / "mutants"

# What generates every mutant and runs few of them.
_FEW: Final = "function.failures.reasons.*"

# Exit codes of a mutant's tests.
_SURVIVED: Final = 0
_KILLED: Final = frozenset({1, 3})


def outcomes() -> dict[str, dict[str, int | None]]:
    """Return the exit code of each mutant that was run, None for the others, by module."""
    found = {}
    for path in sorted(_MUTANTS.glob("function/**/*.meta")):
        codes: dict[str, int | None] = json.loads(path.read_text(encoding="utf-8"))[
            "exit_code_by_key"
        ]
        if codes:
            found[path.relative_to(_MUTANTS).with_suffix("").as_posix()] = codes
    return found


def sample(names: Sequence[str], size: int, seed: int) -> list[str]:
    """Return mutants of a module; a larger sample contains a smaller one.

    Args:
        names: All mutants of the module.
        size: The most that are returned; 0 for all.
        seed: Of the choice.
    """
    shuffled = sorted(names)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a sample
    return shuffled[: size or None]


def report(found: dict[str, dict[str, int | None]]) -> str:
    """Return a table of scores by module, and the names of the survivors."""
    lines = [
        "| module | mutants | run | killed | survived | timeout, other | score |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    total: Counter[str] = Counter()
    for module, codes in found.items():
        counts = Counter(_word(code) for code in codes.values())
        counts["mutants"] = len(codes)
        total += counts
        lines.append(_row(module, counts))
    lines += [_row("all", total), ""]
    lines += [name for codes in found.values() for name, code in codes.items() if code == _SURVIVED]
    return "\n".join(lines)


def _word(code: int | None) -> str:
    if code is None:
        return "not run"
    if code == _SURVIVED:
        return "survived"
    return "killed" if code in _KILLED else "other"


def _row(module: str, counts: Counter[str]) -> str:
    ran = counts["mutants"] - counts["not run"]
    score = f"{1 - counts['survived'] / ran:.1%}" if ran else "-"
    cells = (counts["mutants"], ran, counts["killed"], counts["survived"], counts["other"])
    return f"| {module} | {' | '.join(map(str, cells))} | {score} |"


def main(arguments: Sequence[str]) -> int:
    """Run mutants, and print what became of all that were ever run.

    Returns:
        The exit code of mutmut: 0 if it could run, whatever survived.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=80, help="mutants of a module; 0: all")
    parser.add_argument("--seed", type=int, default=7, help="of the sample")
    options = parser.parse_args(arguments)
    code = _mutmut([_FEW])
    if code == 0:
        names = [
            name
            for codes in outcomes().values()
            for name in sample(list(codes), options.sample, options.seed)
        ]
        code = _mutmut(names)
    print(report(outcomes()))  # noqa: T201 - the result
    return code


def _mutmut(names: Sequence[str]) -> int:
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - a tool of ours


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
