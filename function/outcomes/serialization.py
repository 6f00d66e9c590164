"""A history as JSON text, as it is stored in the item of its key.

It can hold no value of an environment: an observation of a task is made of named properties, none
of which is `overrides`, and `Asked` has no field for overrides either. There is no field into which
a property that nobody knows could be copied.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final, TypeVar

from function.outcomes.history import Asked, Container, Effect, History, Rejection, Run
from function.outcomes.states import State
from function.outcomes.texts import shortened

_T = TypeVar("_T")

# They are attributes of the item itself.
_OUTSIDE: Final = frozenset({"key", "revision"})


def to_text(history: History) -> str:
    """Return a history as JSON: without its key and revision, and without what is empty."""
    value = {name: item for name, item in _plain(history).items() if name not in _OUTSIDE}
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def from_text(text: str, *, key: str, revision: int) -> History:
    """Return the history that a text holds; an empty text is a history of which nothing is known.

    What is missing gets its default, and what is unknown is ignored, so that items of other
    versions can be read.

    Args:
        text: What `to_text` returned.
        key: The idempotency key.
        revision: How often it was written.
    """
    found: dict[str, Any] = json.loads(text) if text else {}
    asked, rejection = found.get("asked"), found.get("rejection")
    values = {
        **found,
        "state": State(found.get("state", State.QUEUED)),
        "asked": None if asked is None else _asked(asked),
        "rejection": None if rejection is None else _made(Rejection, rejection),
        "runs": tuple(_run(run) for run in found.get("runs", ())),
        "todo": tuple(_made(Effect, effect) for effect in found.get("todo", ())),
        "replaced": tuple(found.get("replaced", ())),
        "done": tuple(found.get("done", ())),
        "key": key,
        "revision": revision,
    }
    return _made(History, values)


def _asked(found: dict[str, Any]) -> Asked:
    defaults = {
        "digest": "",
        "parameters": {},
        "count": 1,
        "group": None,
        "limits": {},
        "message_id": "",
        "queued_at": 0.0,
        "launched_at": 0.0,
    }
    return _made(Asked, {**defaults, **found, "containers": tuple(found.get("containers", ()))})


def _run(found: dict[str, Any]) -> Run:
    containers = tuple(_made(Container, item) for item in found.get("containers", ()))
    return _made(Run, {**found, "containers": containers})


def _made(kind: type[_T], found: dict[str, Any]) -> _T:
    return kind(**{name: found[name] for name in _names(kind) if name in found})


def _names(kind: type[Any]) -> list[str]:
    return [item.name for item in fields(kind)]


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any field
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: _capped(item.name, _plain(getattr(value, item.name)))
            for item in fields(value)
            if not _is_default(item, getattr(value, item.name))
        }
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _capped(name: str, value: Any) -> Any:  # noqa: ANN401 - of any field
    return shortened(value) if name in {"stop_reason", "reason"} else value


def _is_default(item: Any, value: object) -> bool:  # noqa: ANN401 - a field of a dataclass
    if item.default_factory is not MISSING:
        return bool(value == item.default_factory())
    return item.default is not MISSING and value == item.default
