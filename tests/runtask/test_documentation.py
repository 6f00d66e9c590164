"""docs/command.md says what the command says, about every verb, option and exit code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click
import pytest

from runtask.cli import cli
from runtask.errors import ExitCode
from tests.runtask.conftest import ROOT
from tools import command as documentation

VERBS: Final = dict(documentation.verbs())

# What works with a project on behalf of an operator.
OPERATORS_VERBS: Final = sorted(set(VERBS) - {"completion", "local", "schema"})


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / documentation.PATH).read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """Return the text under a heading, up to the next one."""
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def spellings(name: str) -> set[str]:
    options_ = (one for one in VERBS[name].params if isinstance(one, click.Option))
    return {spelling for option in options_ for spelling in option.opts}


def test_the_page_is_what_the_command_says(page: str) -> None:
    assert page == documentation.render(), "docs/command.md is stale; run: python -m tools"


def test_every_verb_has_a_file_and_a_section(page: str) -> None:
    files = {path.stem for path in Path(ROOT, "runtask", "commands").glob("[a-z]*.py")}
    documented = set(re.findall(r"^## `runtask (\w+)`$", page, flags=re.MULTILINE))
    assert files == set(cli.commands) == documented


@pytest.mark.parametrize("name", VERBS)
def test_every_option_of_a_verb_is_documented_and_no_other(page: str, name: str) -> None:
    text = section(page, f"`runtask {name}`")
    listed = re.findall(r"^  (?:-\w, )?(--[\w-]+)", text.partition("Options:")[2], re.MULTILINE)
    assert set(listed) == spellings(name) | {"--help"}


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_examples(page: str, name: str) -> None:
    _, _, examples = section(page, f"`runtask {name}`").partition("Examples:\n")
    assert f"    runtask {name}" in examples.partition("\n\n")[0]


@pytest.mark.parametrize("name", VERBS)
def test_every_argument_and_option_has_help(name: str) -> None:
    for parameter in VERBS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help.endswith((".", "]")), parameter.help


def test_every_exit_code_is_documented_and_no_other(page: str) -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section(page, "Exit codes"), re.MULTILINE)
    assert rows == [(str(code.value), code.meaning) for code in ExitCode]
    for code in ExitCode:
        assert f"{code.value:<4} {code.meaning}" in section(page, "`runtask`")


def test_the_readme_has_the_same_exit_codes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", readme, re.MULTILINE)
    assert rows == [(str(code.value), code.meaning) for code in ExitCode]


@pytest.mark.parametrize("name", OPERATORS_VERBS)
def test_every_verb_of_an_operator_has_the_shared_options(name: str) -> None:
    # `explain` asks no AWS, so it needs no credentials.
    credentials = set() if name == "explain" else {"--profile"}
    assert {"--project", "--json"} | credentials <= spellings(name)


def test_a_shared_option_reads_the_same_everywhere() -> None:
    help_texts: dict[str, set[str | None]] = {}
    for name in OPERATORS_VERBS:
        for option in VERBS[name].params:
            if isinstance(option, click.Option):
                help_texts.setdefault(option.opts[0], set()).add(option.help)
    for spelling in ("--project", "--profile", "--json", "--yes", "--allow-dirty"):
        assert len(help_texts[spelling]) == 1, spelling
