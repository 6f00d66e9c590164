"""The generated files in docs/ are current, and show everything that they should."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from runtask.project import load_project
from tools.diagram import DiagramError, check
from tools.diagram_layout import DRAWN, SIZE
from tools.generated import generated_files
from tools.registrations import Registrations, register
from tools.svg import CARD_HEIGHT

FILES = generated_files()
ROOT = Path(__file__).resolve().parents[2]
PICTURES = [path for path in FILES if path.suffix == ".svg"]


@pytest.fixture(scope="module")
def registrations() -> Registrations:
    return register()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_generated_file_is_current(path: Path) -> None:
    assert path.exists(), "run: nox -s docs"
    assert path.read_text(encoding="utf-8") == FILES[path], "run: nox -s docs"


def test_every_option_is_on_the_page_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", FILES[ROOT / "docs/configuration.md"], re.MULTILINE)
    assert sorted(rows) == sorted(load_project(ROOT).declared)


def test_the_program_looks_like_the_picture(registrations: Registrations) -> None:
    check(registrations)


def test_a_resource_that_no_card_shows_is_reported(registrations: Registrations) -> None:
    table = next(iter(registrations.resources.values()))
    more = {**registrations.resources, "dev events/bus:Bus other": table}
    with pytest.raises(DiagramError, match=r"no card .* shows dev events/bus:Bus other"):
        check(dataclasses.replace(registrations, resources=more))


def test_a_card_whose_resource_is_gone_is_reported(registrations: Registrations) -> None:
    fewer = {key: one for key, one in registrations.resources.items() if "logGroup" not in key}
    with pytest.raises(DiagramError, match=r"registers no resource like dev cloudwatch/logGroup"):
        check(dataclasses.replace(registrations, resources=fewer))


def test_an_arrow_without_a_reference_is_reported(registrations: Registrations) -> None:
    resources = {
        key: dataclasses.replace(one, inputs={}) if "eventSourceMapping" in key else one
        for key, one in registrations.resources.items()
    }
    with pytest.raises(DiagramError, match="does not refer to dev sqs/queue:Queue"):
        check(dataclasses.replace(registrations, resources=resources))


def test_no_card_overlaps_another_or_leaves_the_picture() -> None:
    cards = [drawn.card for drawn in DRAWN]
    for number, card in enumerate(cards):
        (x, y), (width, height) = card.at, SIZE
        assert 0 < x < width - card.width
        assert 0 < y < height - CARD_HEIGHT
        for other in cards[number + 1 :]:
            apart_x = abs(x - other.at[0]) >= min(card.width, other.width)
            assert apart_x or abs(y - other.at[1]) >= CARD_HEIGHT, (card.title, other.title)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_xml_with_a_title(path: Path) -> None:
    root = ET.fromstring(FILES[path])  # noqa: S314 - generated here
    assert root.findtext("{http://www.w3.org/2000/svg}title")
