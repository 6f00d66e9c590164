"""What the code has stands in the documentation, and what stands there exists."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import click
import pytest
from ruamel.yaml import YAML

from function.failures.reasons import REASONS
from function.message import builder
from function.message.templates import SOURCES, check_templates
from function.outcome import Disposition
from function.settings import Settings
from rehearsal.cli import local
from runtask.cli import cli
from runtask.errors import ExitCode
from tests.docs import code, pages
from tests.docs.pages import ROOT
from tests.unit.fakes import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = pages.pages()
VERBS: Final[dict[str, click.Command]] = {**cli.commands, "local": local}

# Spelled so that this file does not name what it looks for.
REGISTRIES: Final = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("proxy.golang", "org"),
        ("rubygems", "org"),
    )
)


def declared_keys() -> set[str]:
    project = YAML(typ="safe", pure=True).load((ROOT / "Pulumi.yaml").read_text("utf-8"))
    return {str(key) for key in project["config"]}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- What the code has is documented, and nothing else


def test_every_reason_is_documented() -> None:
    assert set(REASONS) <= pages.spans(pages.read("failures.md"))


def test_every_metric_is_documented_and_no_other() -> None:
    table = pages.rows(pages.section(pages.read("operations.md"), "Metrics"))

    assert {row[0].strip("`") for row in table} == code.metrics()


def test_the_dispositions_that_are_metrics_by_reason_are_documented() -> None:
    named = {disposition.capitalize() for disposition in Disposition}

    assert named <= code.metrics()


def test_every_log_line_is_documented_with_its_level_and_fields_and_no_other() -> None:
    table = pages.rows(pages.section(pages.read("operations.md"), "Log lines"))
    documented = {
        code.LogLine(
            text=text.strip("`"), level=level, fields=frozenset(re.findall(r"`(\w+)`", fields))
        )
        for text, level, fields, _ in table
    }

    assert documented == set(code.log_lines())


def test_every_output_of_a_function_stack_is_documented_and_no_other() -> None:
    table = pages.rows(pages.section(pages.read("operations.md"), "Outputs"))

    assert {name for row in table for name in re.findall(r"`(\w+)`", row[0])} == (
        code.stack_outputs()
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_output_on_a_page_exists(page: Path) -> None:
    named = re.findall(r"pulumi stack output (\w+)", page.read_text("utf-8"))

    assert set(named) <= code.stack_outputs()


def test_every_message_on_its_page_is_valid() -> None:
    bodies = re.findall(r"^```json\n(.*?)^```", pages.read("messages.md"), re.MULTILINE | re.DOTALL)

    assert len(bodies) > 1
    events = f"{ENVIRONMENT['QUEUE_URL']}-events"
    by = Settings.from_environment(
        {**ENVIRONMENT, "PAYLOAD_BUCKET": "payloads", "EVENTS_QUEUE_URL": events}
    )
    for body in bodies:
        assert builder.read(body, by).cluster == "batch"


def test_the_templates_on_their_page_make_requests_of_the_events_there() -> None:
    page = pages.read("messages.md")
    option = re.search(r"^ecs-run-task:templates: \|\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert option is not None
    templates = json.dumps(check_templates(option[1]))
    by = Settings.from_environment(
        {**ENVIRONMENT, "TEMPLATES": templates, "PAYLOAD_BUCKET": "payloads"}
    )
    events = re.findall(r"for the (?:event|record|notification)\s+`(\{.*?\})`", page)
    assert len(events) == len(SOURCES)
    for text in events:
        event = json.loads(text)
        body = {"Records": [event]} if "eventSource" in event else event
        request = builder.read_unchecked(json.dumps(body), by)
        assert "2026-10" in repr(request.parameters) + str(
            request.payload and request.payload.content
        ) or "in/red flower.jpg" in repr(request.parameters)


def test_every_exit_code_is_documented_and_no_other() -> None:
    text = pages.read("command.md")
    documented = re.search(r"Exit codes:\n(.*?)\n *(\n|```)", text, re.DOTALL)
    assert documented is not None

    numbers = re.findall(r"^\W*(\d+)\b", documented[1], re.MULTILINE)

    assert {int(number) for number in numbers} == set(ExitCode)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_is_documented(verb: str) -> None:
    text = pages.read("command.md")
    options = [option for option in VERBS[verb].params if isinstance(option, click.Option)]

    assert f"runtask {verb}" in text
    assert [o for option in options for o in option.opts if o not in text] == []


# The changelog names what is gone.
@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "CHANGELOG"], ids=name)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    for verb, options in pages.commands(page.read_text("utf-8")):
        assert verb in VERBS, f"runtask {verb}"
        known = {o for p in VERBS[verb].params if isinstance(p, click.Option) for o in p.opts}
        assert set(options) <= known | {"--help"}, f"runtask {verb}"


def test_every_configuration_key_is_documented() -> None:
    spans = {span.removeprefix("ecs-run-task:") for span in pages.all_spans()}

    assert declared_keys() <= spans


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_configuration_key_on_a_page_is_declared(page: Path) -> None:
    named = re.findall(r"ecs-run-task:(?!index:)([A-Za-z]+)", page.read_text("utf-8"))

    assert set(named) <= declared_keys()


# --- What the documentation points to exists


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = pages.prose(page.read_text("utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", text)
    for link in (markdown or html for markdown, html in links):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in pages.anchors(target.read_text("utf-8")), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_in_backticks_exists(page: Path) -> None:
    ours = (
        r"(?:\.github|bench|docs|examples|function|infra|rehearsal|runtask|tests|tools)/[\w./*-]*"
    )
    for span in pages.spans(page.read_text("utf-8")):
        if re.fullmatch(ours, span):
            assert any(ROOT.glob(span.rstrip("/"))), span


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_session_on_a_page_exists(page: Path) -> None:
    sessions = re.findall(
        r"^@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text("utf-8"), re.MULTILINE
    )
    for words in re.findall(r"(?:\./dev|nox) -s ((?:[a-z]+ ?)+)", page.read_text("utf-8")):
        assert words.split()[0] in sessions


def test_every_name_in_the_glossary_is_in_the_file_beside_it() -> None:
    for _, _, where in (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in pages.read("glossary.md").splitlines()
        if line.startswith("| ") and line.count("|") == 4
    ):
        file = re.search(r"`([\w/]+\.py)` `(\w+)`", where)
        if file is not None:
            text = (ROOT / file[1]).read_text("utf-8")
            assert re.search(rf"\b{file[2]}\b", text), where


@pytest.mark.parametrize("what", ["message's body", "configuration value", "digest"])
def test_a_way_through_the_code_visits_no_file_twice(what: str) -> None:
    article = re.search(
        rf"^## The way of a {re.escape(what)}\n(.*?)(?=^## |\Z)",
        pages.read("architecture.md"),
        re.MULTILINE | re.DOTALL,
    )
    assert article is not None
    way = re.findall(r"^\d+\. `([^`]+)`", article[1], re.MULTILINE)

    assert len(way) > 1
    assert len(way) == len(set(way))
    assert [file for file in way if not (ROOT / file).is_file()] == []


def test_no_file_has_the_address_of_a_package_registry() -> None:
    found = {
        (name(path), registry)
        for path in pages.files()
        if path.suffix not in {".svg", ".zip"}
        for registry in REGISTRIES
        if registry in path.read_text("utf-8", errors="ignore")
    }

    assert found == set()
