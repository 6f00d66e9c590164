"""Whether a parameter of a message holds text, so that `1024` is meant as text there."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.model import ListShape, MapShape, StringShape, StructureShape

from function.message.forms import FLAT_NAMES
from function.message.parsing import WRAPPER
from function.message.validation import session
from runtask.input.origin import parse_path

if TYPE_CHECKING:
    from botocore.model import Shape

    from runtask.input.origin import Path

# The parameter of ours beside those of RunTask that is a text.
_SERVICE: Final = "service"

# The names of the flat form that are written with a capital, too.
_CAPITALS: Final = {"Name": "name", "Value": "value"}


def typed(text: str) -> Any:  # noqa: ANN401 - a value of JSON
    """Return the value that a text stands for: itself, if it is not JSON."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return value


@cache
def takes_text(path: Path) -> bool:
    """Return whether RunTask takes a text at a path of a message."""
    if path[:1] == (WRAPPER,):
        path = path[1:]
    if path == (_SERVICE,):
        return True
    if path and path[0] in FLAT_NAMES:
        below = (_CAPITALS.get(str(step), step) for step in path[1:])
        path = (*parse_path(FLAT_NAMES[str(path[0])]), *below)
    shape: Shape | None = session().get_service_model("ecs").operation_model("RunTask").input_shape
    for step in path:
        if isinstance(shape, StructureShape):
            shape = shape.members.get(str(step))
        elif isinstance(shape, ListShape) and isinstance(step, int):
            shape = shape.member
        elif isinstance(shape, MapShape):
            shape = shape.value
        else:
            return False
    return isinstance(shape, StringShape)
