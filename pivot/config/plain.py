"""The value of one plain parameter ↔ JSON text, by the parameter's annotation.

What the worker gets is read from the text that was compared, by the same annotation.
"""

import contextlib
import json
from typing import Any

from pivot.config.params import canonical_text, ordered
from pivot.errors import DefinitionError

_EXACT: tuple[Any, ...] = (int, float, str, bool)
"""Annotations of which a value of that very type needs no pydantic to be checked."""


def plain_text(name: str, kind: Any, value: Any) -> str:
    """A value as canonical JSON text: equal values give equal text.

    Args:
        name: of the parameter, for messages.
        kind: its annotation; ``Any`` takes all that JSON holds.
        value: as YAML or Python gave it.

    Raises:
        DefinitionError: it is none of the annotation's values, or cannot travel.
    """
    if kind is Any or (kind in _EXACT and type(value) is kind):
        with contextlib.suppress(TypeError):
            return canonical_text(value)
    from pydantic import TypeAdapter, ValidationError  # lazy: start-up time
    from pydantic.errors import PydanticUserError
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
    except (PydanticUserError, NameError) as error:
        what = f"param {name!r}: no text can say what a {getattr(kind, '__name__', kind)} is"
        raise DefinitionError(what, "annotate it with Dep(…), or let a stage give it: depends_on:") from error
    try:
        found = adapter.validate_json(canonical_text(value, to_jsonable_python))
        text = _dumped(adapter, found)
        if _dumped(adapter, adapter.validate_json(text)) == text:
            return text
    except ValidationError as error:
        first = error.errors()[0]
        inner = ".".join(map(str, (name, *first["loc"])))
        raise DefinitionError(f"param {inner!r}: {first['msg']}, got {first['input']!r}") from error
    except (TypeError, PydanticSerializationError) as error:
        raise DefinitionError(f"param {name!r} has no JSON form: {error}") from error
    except Exception as error:
        what = f"param {name!r}: checking it fails with {type(error).__name__}: {error}"
        raise DefinitionError(what, "mend it; a validator refuses a value by a ValueError") from error
    raise DefinitionError(f"param {name!r} does not survive being written as JSON", "use plain types")


def plain_value(kind: Any, value: Any) -> Any:
    """The value that a parameter gets.

    Args:
        kind: its annotation.
        value: what the JSON text of `plain_text` holds.

    Raises:
        Exception: the annotation's own; it has changed since.
    """
    if kind is Any or (kind in _EXACT and type(value) is kind):
        return value
    from pydantic import TypeAdapter  # lazy: start-up time

    return TypeAdapter(kind).validate_json(json.dumps(value))


def _dumped(adapter: Any, value: Any) -> str:
    plain = adapter.dump_python(value, mode="json", by_alias=True, round_trip=True, warnings=False)
    return canonical_text(
        ordered(adapter.dump_python(value, by_alias=True, round_trip=True, warnings=False), plain)
    )
