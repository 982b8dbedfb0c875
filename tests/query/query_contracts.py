"""The published schemas and examples, and how a document is held against them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

_RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")
_FOLDER = Path(__file__).parent.parent / "data" / "contracts"


def load(name: str) -> Any:
    """Return one of the published JSON files."""
    return json.loads((_FOLDER / name).read_text("utf-8"))


@cache
def validator(view: str) -> jsonschema.protocols.Validator:
    """Return the validator of a view's schema, with formats checked."""
    schema = prompt_schema() if view == "prompt-logs" else load(f"{view}.schema.json")
    return jsonschema.Draft202012Validator(schema, format_checker=_FORMATS)


_FORMATS = jsonschema.FormatChecker(["uuid"])


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """Return whether text is an RFC 3339 instant in UTC."""
    if not isinstance(value, str):
        return True
    return bool(_RFC_3339.fullmatch(value)) and datetime.fromisoformat(value).utcoffset() == timedelta()


def prompt_schema() -> Any:
    """Return the published prompt log list as a schema of its own; no property beyond those named, each one present."""
    text = json.dumps(load("prompt-logs.openapi.json")["components"]["schemas"])
    schemas = json.loads(text.replace("#/components/schemas/", "#/$defs/"))
    for name in ("PromptLogListResponse", "PromptLogEntry"):
        schemas[name] |= {"additionalProperties": False, "required": list(schemas[name]["properties"])}
    return {"$ref": "#/$defs/PromptLogListResponse", "$defs": schemas}


def document(answer: Any, view: str) -> Any:
    """Return an answer's document, held against its schema and against its own JSON text."""
    made = answer.model_dump(mode="json", by_alias=True)
    validator(view).validate(made)
    assert json.loads(answer.model_dump_json(by_alias=True)) == made
    return made
