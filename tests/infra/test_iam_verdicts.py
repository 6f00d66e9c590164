"""A second IAM evaluator agrees with the table of requests: `nox -s iam` asks it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tools.iam.simulations import REQUESTS, Simulations, digest, simulations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.iam.request import Request

ROOT: Final = Path(__file__).resolve().parents[2]
COMMITTED: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("iam_verdicts.json").read_text(encoding="utf-8")
)
LOCK: Final = json.loads((ROOT / "tools/iam/package-lock.json").read_text(encoding="utf-8"))
PACKAGES: Final = {path: entry for path, entry in LOCK["packages"].items() if path}


@pytest.fixture(scope="module")
def today() -> Simulations:
    return simulations()


def test_the_verdicts_are_of_todays_documents_and_table(today: Simulations) -> None:
    assert COMMITTED["inputs"] == digest(today), "run: nox -s iam"


def test_the_verdicts_are_of_the_pinned_evaluator() -> None:
    pinned = PACKAGES["node_modules/@cloud-copilot/iam-simulate"]["version"]
    assert COMMITTED["evaluator"] == pinned, "run: nox -s iam"


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.title)
def test_the_second_evaluator_agrees(request_: Request) -> None:
    verdict = COMMITTED["verdicts"][request_.title]
    assert (verdict == "Allowed") is request_.allowed, verdict


def test_no_two_requests_have_one_title() -> None:
    assert [title for title, n in Counter(one.title for one in REQUESTS).items() if n > 1] == []


def test_every_role_is_asked_for_what_it_can_and_what_it_cannot() -> None:
    for role in {one.subject for one in REQUESTS if one.subject.startswith("the ")}:
        assert {one.allowed for one in REQUESTS if one.subject == role} == {True, False}, role


def test_every_condition_key_of_a_document_is_in_a_request(today: Simulations) -> None:
    documents = [{**one, "request": None} for one in today.values()]
    in_requests = {key for one in today.values() for key in one["request"]["contextVariables"]}
    assert set(condition_keys(documents)) - in_requests == set()


def condition_keys(part: Any) -> Iterator[str]:
    """Yield the keys of every condition in a document, or in a list of documents."""
    if isinstance(part, list):
        for one in part:
            yield from condition_keys(one)
    elif isinstance(part, dict):
        for keys in part.get("Condition", {}).values():
            yield from keys
        for one in part.values():
            yield from condition_keys(one)


def test_every_package_of_the_evaluator_is_pinned_by_hash() -> None:
    assert PACKAGES
    assert all(entry["integrity"].startswith("sha512-") for entry in PACKAGES.values())
