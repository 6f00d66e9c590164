"""No piece of a secret leaves the handler in any encoding, and no free text is published."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from function.message.redaction import PIECE_LENGTH, redact
from tests.unit.fakes import MESSAGE, Rig, client_error, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Other work on the machine makes any time limit fail now and then.
UNTIMED: Final = settings(deadline=None)

# Letters that no word of ours has in a row, and everything that some encoding escapes.
ALPHABET: Final = (
    "qxzjQXZJ0123456789" + "\"'\\/%&+=<>;#{}[]$ \t\n\x07\x1b" + "éßñ日\u202e\U0001f600"
)

SECRETS = st.text(ALPHABET, min_size=PIECE_LENGTH, max_size=60)

ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json-unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "python": lambda text: repr(text)[1:-1],
    "python-ascii": lambda text: ascii(text)[1:-1],
    "url": lambda text: urllib.parse.quote(text, safe=""),
    "url-form": urllib.parse.quote_plus,
    "html": html.escape,
    "html-decimal": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "json-in-json": lambda text: json.dumps(json.dumps(text))[1:-1],
    "json-in-url": lambda text: urllib.parse.quote(json.dumps(text)),
    "upper-case": lambda text: "".join(
        one.upper() if len(one.upper()) == 1 else one for one in text
    ),
}

QUOTES: Final = 'a"b"c"d"e"f"g"'
ESCAPES: Final = "q\\u0041\\x41%41&lt;q"
BACKSLASHES: Final = "C:\\new\\table\\x"


def pieces(text: str) -> Iterator[str]:
    return (text[at : at + PIECE_LENGTH] for at in range(len(text) - PIECE_LENGTH + 1))


def printed(text: str) -> str:
    """Return a text as a redacted one shows it."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "\ufffd" for one in text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(secret=SECRETS, part=st.tuples(st.integers(0, 60), st.integers(0, 60)))
@example(secret=QUOTES, part=(0, 14))
@example(secret=ESCAPES, part=(0, 60))
@example(secret=BACKSLASHES, part=(2, 12))
@UNTIMED
def test_no_piece_of_a_secret_is_left(encoding: str, secret: str, part: tuple[int, int]) -> None:
    encode = ENCODINGS[encoding]
    start = min(part[0], len(secret) - PIECE_LENGTH)
    quoted = secret[start : max(start + PIECE_LENGTH, part[1])]

    left = redact(f"Invalid value ({encode(quoted)}) was refused", {secret})

    assert left.startswith("Invalid value (")
    assert left.endswith(") was refused")
    for piece in pieces(secret):
        assert printed(piece) not in left
        assert printed(encode(piece)) not in left


@given(
    secret=st.text(ALPHABET + "abcdefg", min_size=PIECE_LENGTH, max_size=40),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
    cut=st.integers(0, 3),
    urlsafe=st.booleans(),
)
@UNTIMED
def test_no_piece_of_a_secret_is_left_in_base64(
    secret: str, before: bytes, after: bytes, cut: int, *, urlsafe: bool
) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    quoted = encode(before + secret.encode() + after).decode().rstrip("=")[cut:]

    left = redact(f"the header {quoted} was refused", {secret})

    if cut <= len(before):
        assert quoted not in left
    assert all(letters not in left for letters in sixteens(quoted.replace("=", "")[4:-8]))


def sixteens(text: str) -> Iterator[str]:
    return (text[at : at + 16] for at in range(len(text) - 15))


# Texts that a sender chooses; nothing of ours has a piece of them, and the account is all ones.
FREE = st.text(
    "qxzjQXZJ023456789" + "\"'\\/%&+<>:. \n\x1b" + "é\u202e", min_size=PIECE_LENGTH, max_size=50
).filter(str.strip)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, set[str]]:
    """Draw a body, and what is free text in it."""
    texts = draw(st.lists(FREE, min_size=8, max_size=8, unique=True))
    changes: dict[str, Any] = {
        "overrides": {
            "containerOverrides": [
                {
                    "name": texts[0],
                    "environment": [
                        {"name": texts[1], "value": texts[2]},
                        {"name": "X", "value": texts[7]},
                    ],
                    "command": [texts[3], "1"],
                }
            ]
        },
        "tags": [{"key": texts[4], "value": texts[5]}],
        "group": texts[6],
    }
    kind = draw(st.sampled_from(["valid", "unknown", "beside", "cut", "wrong", "role", "python"]))
    if kind == "unknown":
        changes[texts[7]] = 1
    elif kind == "wrong":
        changes["tags"] = {texts[7]: texts[4]}
    elif kind == "role":
        changes["overrides"]["taskRoleArn"] = texts[7]
    body = message(**changes)
    if kind == "beside":
        body = json.dumps({"ECS": MESSAGE | changes, texts[7]: 1})
    elif kind == "cut":
        body = body[:-1]
    elif kind == "python":
        body = repr(json.loads(body))
    return body, set(texts)


@given(
    found=bodies(),
    attribute=FREE,
    encoding=st.sampled_from(sorted(ENCODINGS)),
    code=st.sampled_from(["AccessDeniedException", "InvalidParameterException", "Unknown"]),
    quoted=st.integers(0, 7),
)
@UNTIMED
def test_nothing_that_a_sender_wrote_is_published(
    found: tuple[str, set[str]], attribute: str, encoding: str, code: str, quoted: int
) -> None:
    body, texts = found
    rig = Rig()
    encoded = ENCODINGS[encoding](sorted(texts)[quoted])
    rig.ecs.always = client_error(code, f"the value {encoded} in {body} was refused")
    attributes: dict[str, Any] = {"other": attribute}
    if quoted:
        attributes["key"] = {"dataType": f"Binary.{attribute}", "binaryValue": "cXhxeHF4cXg="}
    if quoted > 1:
        attributes["key"] = f"?{attribute}" if quoted > 4 else "nightly-1"

    rig.run(body, attributes=attributes, receives=3)
    rig.run(body, attributes=attributes, receives=9, age=400_000)

    assert rig.sns.published
    for published in rig.sns.published:
        shown = [published["Subject"], *map(str, json.loads(published["Message"]).values())]
        for text in {*texts, attribute}:
            for piece in pieces(text):
                assert not any(printed(piece) in part or piece in part for part in shown)


@given(found=bodies(), code=st.sampled_from(["AccessDeniedException", "ClientException"]))
@UNTIMED
def test_no_log_line_and_no_dead_letter_controls_a_terminal(
    found: tuple[str, set[str]], code: str
) -> None:
    body, texts = found
    rig = Rig()
    rig.ecs.always = client_error(code, f"\x1b[31m {sorted(texts)} \x9b \u202e {body}")

    rig.run(body)
    rig.run(body, age=400_000)

    for line in rig.logs:
        assert all(str(value).isprintable() for value in line.values()), line
    assert all(letter["error"].isprintable() for letter in rig.dead_letters)


def test_a_notification_names_what_an_operator_needs() -> None:
    rig = Rig()
    role = "arn:aws:iam::111111111111:role/report-task"
    rig.ecs.always = client_error(
        "AccessDeniedException",
        "User: arn:aws:sts::111111111111:assumed-role/ecs-run-task-dev/x is not authorized to"
        f" perform: iam:PassRole on resource: {role} for cluster batch-of-the-night",
    )
    overrides = {"containerOverrides": [{"name": "main", "command": ["run", "--fast", "x" * 99]}]}

    rig.run(message(overrides=overrides, group="family:report-of-the-night"))

    (notification,) = rig.sns.notifications
    assert (
        "is not authorized to perform: iam:PassRole on resource: " + role in notification["error"]
    )


def test_the_refused_name_is_in_the_notification() -> None:
    rig = Rig()

    rig.run(message(cluster="payroll-production", tags=[{"key": "x", "value": "y"}]))

    assert "cluster/payroll-production" in rig.sns.notifications[0]["error"]


def test_a_parameter_that_rejects_a_message_is_named_in_the_notification() -> None:
    rig = Rig()

    rig.run(message(networkConfiguration={"awsvpcConfiguration": {"subnets": 7}}))

    assert (
        rig.sns.notifications[0]["error"]
        == "ECS.networkConfiguration.awsvpcConfiguration.subnets: expected a list, got the number 7"
    )
