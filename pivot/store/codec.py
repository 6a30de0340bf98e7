"""A `StageRecord` as text: equal records give equal bytes, and a diff shows one item a line."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pivot.errors import FormatError
from pivot.model.digest import Digest
from pivot.model.fingerprint import Part, PartKind
from pivot.model.observation import Observation
from pivot.model.place import Place
from pivot.model.record import DeclaredOut, Inputs, OutputState, StageRecord
from pivot.model.stage import OutKind
from pivot.model.stored import KeyName, Stored
from pivot.paths import ProjectPath

SCHEMA = 2
_DIGEST = re.compile(r"[0-9a-f]{32}")
# what YAML does not allow in a text, or would read as a line break
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


def lock_text(record: StageRecord) -> str:
    """The record for the lock file: without the bytes of small outputs, which git holds as files."""
    return _text(record, content=False)


def full_text(record: StageRecord) -> str:
    """The whole record, for run cache and journal."""
    return _text(record, content=True)


def both_texts(record: StageRecord) -> tuple[str, str]:
    """`lock_text` and `full_text`, made once where they are the same."""
    text = full_text(record)
    has_content = any(state.content is not None for state in record.outputs.values())
    return lock_text(record) if has_content else text, text


def decode(text: str, stage: str, where: str) -> StageRecord:
    """The record that a text holds.

    Args:
        text: what `lock_text` or `full_text` gave.
        stage: whose record it must be.
        where: the file's name, for messages.

    Raises:
        ValueError: it cannot be read; the message says why, and is shown to people.
        FormatError: a newer Pivot wrote it.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if _CONFLICT.search(text):  # no JSON has such a line
            raise ValueError("it holds conflict markers of git") from error
        raise ValueError("it is not valid JSON") from error
    if not isinstance(data, dict) or type(data.get("schema")) is not int:
        raise ValueError("it names no schema")
    if data["schema"] > SCHEMA:
        raise FormatError(
            f"{where} was written by a newer Pivot (schema {data['schema']}; this one knows {SCHEMA})",
            "upgrade Pivot (pip install --upgrade pivot), or delete the file to run the stage again",
        )
    if data["schema"] < SCHEMA:
        raise ValueError("an older Pivot wrote it, which did not observe what the stage read")
    try:
        record = _record(data)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError(f"a field is missing or of the wrong kind: {error}") from error
    if record.stage != stage:
        raise ValueError(f"it is the record of stage {record.stage!r}")
    return record


def _text(record: StageRecord, *, content: bool) -> str:
    inputs = record.inputs
    fields = {
        "code": _json(inputs.code),
        "deps": _lines(inputs.deps),
        "loaders": _lines(inputs.loaders),
        "names": _lines(inputs.names),
        "observed": observation_text(inputs.observed),
        "outputs": _lines({path: _output(state, content) for path, state in record.outputs.items()}),
        "outs": _listing(
            {"path": o.path, "kind": o.kind, "cache": o.cache, "loader": o.loader} for o in inputs.outs
        ),
        "params": _lines(inputs.params),
        "parts": _listing(_part(part) for part in inputs.parts),
        **(
            {"puts": _lines({name: _stored(one) for name, one in record.puts.items()})} if record.puts else {}
        ),
        "schema": str(SCHEMA),
        "settings": _lines(inputs.settings),
        "sources": _lines(record.sources),
        "stage": _json(record.stage),
    }
    text = "{\n" + ",\n".join(f' "{name}": {value}' for name, value in fields.items()) + "\n}\n"
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _json(value: object) -> str:
    """A value as JSON. The encoder makes itself ready anew for each, which takes longer than most of them."""
    if value is None:
        return "null"
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if not value and kind is tuple:
        return "[]"
    return _encode(value)  # quick for a text


def _lines(table: Mapping[ProjectPath, object] | Mapping[KeyName, object] | Mapping[str, object]) -> str:
    if not table:
        return "{}"
    items = sorted(table.items(), key=lambda item: item[0])
    return "{\n" + ",\n".join(f"  {_json(key)}: {_json(value)}" for key, value in items) + "\n }"


def _listing(items: Iterable[Mapping[str, object]]) -> str:
    lines = ",\n".join(f"  {_json(item)}" for item in items)
    return f"[\n{lines}\n ]" if lines else "[]"


def observation_text(observed: Observation) -> str:
    """An observation as JSON."""
    fields = {
        "code": _json(observed.code),
        "complete": _json(observed.complete),
        "environment": _lines(observed.environment),
        **({"context": _lines(observed.context)} if observed.context else {}),
        "files": _lines(observed.files),
        "imported": _json(observed.imported),
        **({"keys": _lines(observed.keys)} if observed.keys else {}),
        "missing": _json(observed.missing),
        "ran": _json(observed.ran),
    }
    return "{\n" + ",\n".join(f'  "{name}": {value}' for name, value in fields.items()) + "\n }"


def _output(state: OutputState, content: bool) -> dict[str, object]:
    fields: dict[str, object] = {"digest": state.digest, "size": state.size, "executable": state.executable}
    if content and state.content is not None:
        fields["content"] = base64.b64encode(state.content).decode("ascii")
    return fields


def _part(part: Part) -> dict[str, object]:
    return {
        "kind": part.kind,
        "name": part.name,
        "digest": part.digest,
        "place": None if part.place is None else f"{part.place.file}:{part.place.line}",
        "detail": part.detail,
    }


def _record(data: dict[str, Any]) -> StageRecord:
    inputs = Inputs(
        code=_digest(data["code"]),
        parts=tuple(_read_part(part) for part in data["parts"]),
        params=_texts(data["params"]),
        deps={ProjectPath(path): _digest(value) for path, value in data["deps"].items()},
        loaders={name: _digest(value) for name, value in data["loaders"].items()},
        outs=tuple(
            DeclaredOut(
                ProjectPath(_str(o["path"])), OutKind(o["kind"]), _bool(o["cache"]), _digest(o["loader"])
            )
            for o in data["outs"]
        ),
        settings=_texts(data["settings"]),
        observed=observation_of(data["observed"]),
        names=_texts(data.get("names", {})),
    )
    outputs = {ProjectPath(path): _read_output(state) for path, state in data["outputs"].items()}
    sources = {place: _digest(digest) for place, digest in data["sources"].items()}
    puts = {KeyName(name): _read_stored(one) for name, one in data.get("puts", {}).items()}
    return StageRecord(_str(data["stage"]), inputs, outputs, sources, puts)


def observation_of(data: Any) -> Observation:
    """The inverse of `observation_text`, of what JSON gives.

    Raises:
        KeyError, TypeError: it is none.
    """
    return Observation(
        files={ProjectPath(path): state for path, state in _texts(data["files"]).items()},
        environment=_texts(data["environment"]),
        context=_texts(data.get("context", {})),
        ran=tuple(map(_str, data["ran"])),
        imported=tuple(map(_str, data["imported"])),
        missing=tuple(map(_str, data["missing"])),
        code=None if data["code"] is None else _digest(data["code"]),
        complete=_bool(data["complete"]),
        keys={KeyName(name): state for name, state in _texts(data.get("keys", {})).items()},
    )


def _read_part(data: Any) -> Part:
    place = None
    if data["place"] is not None:
        file, _, line = _str(data["place"]).rpartition(":")
        place = Place(file, int(line))
    kind = PartKind(data["kind"])
    return Part(kind, _str(data["name"]), _digest(data["digest"]), place, _str(data["detail"]))


def _stored(one: Stored) -> dict[str, object]:
    fields: dict[str, object] = {"digest": one.digest, "size": one.size}
    return {**fields, "loader": one.loader} if one.loader else fields


def _read_stored(data: Any) -> Stored:
    return Stored(_digest(data["digest"]), _int(data["size"]), _str(data.get("loader", "")))


def _read_output(data: Any) -> OutputState:
    content = data.get("content")
    return OutputState(
        digest=_digest(data["digest"]),
        size=_int(data["size"]),
        executable=_bool(data["executable"]),
        content=None if content is None else base64.b64decode(_str(content), validate=True),
    )


def _digest(value: object) -> Digest:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise TypeError(f"{value!r} is no digest")
    return Digest(value)


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _int(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {_str(name): _str(text) for name, text in value.items()}
