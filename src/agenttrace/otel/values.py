"""What an attribute says: JSON, JSON in JSON, native values and Python reprs, read without ever raising. Pure."""

from __future__ import annotations

import ast
import base64
import json
import math
import re
from typing import Any, Final, NamedTuple, cast

import orjson

from agenttrace.model.jsontext import fold

__all__ = [
    "PLACEHOLDERS",
    "Read",
    "clean",
    "clean_text",
    "is_text",
    "object_repr",
    "read",
    "text_of_scalar",
    "unquoted",
]

#: What emitters write in place of content that they were told to leave out.
PLACEHOLDERS: Final = frozenset({"<elided>", "[elided]", "__REDACTED__", "<not specified>", "<not serializable>"})

#: How the repr of an object begins, as data classes and models print themselves, and what stands before values in one.
_OBJECT: Final = re.compile(r"[A-Za-z_][\w.]{0,100}\((?=\)|[A-Za-z_]\w{0,100}=)")
_MEMBER: Final = re.compile(r"[A-Za-z_]\w{0,100}=(?!=)")

_LONGEST_REPR: Final = 200_000
_DEEPEST_REPR: Final = 60
_DEEPEST: Final = 100
_JSON_IN_JSON: Final = 3
_LOW, _HIGH = -(1 << 63), (1 << 64) - 1

#: The start of what can only be a container in JSON or Python, unlike "[INFO] started" or "{name}, hello".
_CONTAINER: Final = re.compile(r"""\s*(?:(?:\[\s*)+["'{\]\-\d]|\{\s*["'}]|\{\s*$|\[\s*$)""")

#: Tokens of a Python literal. Nothing else may stand in a repr that is evaluated, so that it cannot make Python warn.
_TOKEN: Final = re.compile(
    r"""\s+|[\[\](){},:]|None\b|True\b|False\b"""
    r"""|[+-]?(?:\d{1,400}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?(?![\w.])"""
    r"""|b?'(?:[^'\\\n]|\\['"\\abfnrtvx]|\\0(?![0-7]))*'|b?"(?:[^"\\\n]|\\['"\\abfnrtvx]|\\0(?![0-7]))*\""""
    r"""|'(?:[^'\\\n]|\\['"\\abfnrtvxuUN]|\\0(?![0-7]))*'|"(?:[^"\\\n]|\\['"\\abfnrtvxuUN]|\\0(?![0-7]))*\""""
)


class Read(NamedTuple):
    """A value that was read. `ok` is False where text that had to be a container could not be read; it stays raw."""

    value: Any
    ok: bool = True


def read(value: object, *, strict: bool = False) -> Read:
    """Return what an attribute says, made of JSON types; None where its content was left out.

    Text that holds a JSON or Python container is that container, also where it is quoted again; a quoted text loses its
    quotes. Other text stays text, numbers in it too. With `strict` it must be JSON, of any type, or it is not `ok`.

    >>> read('{"a": "b"}').value, read("{'a': None}").value, read('"[1]"').value, read("21").value
    ({'a': 'b'}, {'a': None}, [1], '21')
    >>> read('{"city": ')
    Read(value='{"city": ', ok=False)
    """
    if not is_text(value):
        return Read(clean(value))
    told = text = inner = clean_text(value)
    for quoted in range(_JSON_IN_JSON):
        found = _container(inner)
        if found is not None:
            return Read(found)
        unwrapped = unquoted(inner)
        if unwrapped is None:
            break
        inner = unwrapped
        text = text if quoted else inner
    if text in PLACEHOLDERS:
        return Read(None)
    if strict and text is told and text.strip():
        return _scalar(text)
    return Read(text, not _CONTAINER.match(text))


def is_text(value: object) -> bool:
    """Return whether a value is text or bytes."""
    return isinstance(value, str | bytes | bytearray | memoryview)


def unquoted(text: str) -> str | None:
    """Return the text that a JSON string stands for; None where `text` is none."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        value: Any = orjson.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def object_repr(text: str) -> dict[str, Any] | None:
    """Return the fields of an object whose repr a text is, where they are written as literals or such objects; None for
    other text.

    >>> object_repr("Call(name='f', parts=[Part(text='a')], id=None)"), object_repr("print(x)"), object_repr("f(a=b)")
    ({'name': 'f', 'parts': [{'text': 'a'}], 'id': None}, None, None)
    """
    if (
        len(text) > _LONGEST_REPR
        or not text.endswith(")")
        or not _OBJECT.match(text)
        or not _is_literal(text, objects=True)
    ):
        return None
    try:
        return clean(_fields(ast.parse(text, mode="eval").body))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _fields(node: ast.expr) -> Any:
    """Return what an expression of literals stands for, with objects as their fields. Raises ValueError for others."""
    if isinstance(node, ast.Call) and not node.args:
        return {str(each.arg): _fields(each.value) for each in node.keywords}
    if isinstance(node, ast.List | ast.Tuple):
        return [_fields(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {ast.literal_eval(key): _fields(value) for key, value in pairs if key is not None}
    return ast.literal_eval(node)


def text_of_scalar(value: object) -> str | None:
    """Return a text, or a number or truth value as text; None for anything else and for what was left out."""
    if type(value) is str or is_text(value):
        text = clean_text(value)
        return None if not text or text in PLACEHOLDERS else text
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def clean_text(value: object) -> str:
    """Return text that JSON can hold: bad bytes and lone surrogates are escaped."""
    if type(value) is str and value.isascii():
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        text = bytes(cast("bytes", value)).decode("utf-8", "backslashreplace")
    else:
        text = str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def clean(value: object) -> Any:
    """Return a value made of JSON types that says what `value` says; containers that are too deep become text."""
    return _clean(value, _DEEPEST)


def _clean(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if _LOW <= value <= _HIGH else _big(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(cast("bytes", value)))
    return _opened(value, levels)


def _opened(value: Any, levels: int) -> Any:
    if isinstance(value, dict | list | tuple | set | frozenset):
        if not levels:
            return _short(cast("object", value))
        if isinstance(value, dict):
            items = cast("dict[Any, Any]", value).items()
            return {clean_text(key): _clean(item, levels - 1) for key, item in items}
        listed = cast("list[Any]", value)
        members = sorted(listed, key=_short) if isinstance(value, set | frozenset) else listed
        return [_clean(item, levels - 1) for item in members]
    return _short(value)


def _short(value: object) -> str:
    try:
        return clean_text(repr(value))
    except Exception:  # noqa: BLE001 - a value's own code may do anything
        return f"<{type(value).__name__}>"


def _big(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python prints
        return hex(value)


def _bytes(value: bytes) -> str:
    try:
        return clean_text(value.decode())
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _container(text: str) -> dict[str, Any] | list[Any] | None:
    """Return the list or dict that a text writes down; None where it does not."""
    head = text.lstrip()[:1]
    if head not in ("{", "[", "("):
        return None
    value = _json(text) if head != "(" else None
    if value is None:
        value = _literal(text)
    return value


def _json(text: str) -> Any:
    try:
        value: Any = orjson.loads(text)
    except ValueError:
        value = _lenient_json(text)
    if not isinstance(value, dict | list):
        return None
    found = cast("dict[str, Any] | list[Any]", value)
    return fold(found, _DEEPEST) if text.count("[") + text.count("{") > _DEEPEST else found


def _scalar(text: str) -> Read:
    try:
        return Read(clean(json.loads(text, parse_constant=lambda _: None)))
    except (ValueError, RecursionError):
        return Read(text, ok=False)


def _lenient_json(text: str) -> Any:
    """Return what JSON with NaN, Infinity or lone surrogates says."""
    if "NaN" not in text and "Infinity" not in text and "\\ud" not in text and "\\uD" not in text:
        return None
    try:
        return clean(json.loads(text, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return None


def _literal(text: str) -> Any:
    if len(text) > _LONGEST_REPR or not _is_literal(text):
        return None
    try:
        value: Any = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return clean(cast("object", value)) if isinstance(value, dict | list | tuple | set) else None


def _is_literal(text: str, *, objects: bool = False) -> bool:
    """Return whether a text is made of the tokens of literals, or of objects of such, and not nested too deep to
    evaluate.
    """
    position = depth = 0
    while position < len(text):
        token = _TOKEN.match(text, position) or (_member(text, position) if objects else None)
        if token is None:
            return False
        position = token.end()
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[position - 1], 0)
        if depth > _DEEPEST_REPR:
            return False
    return depth == 0


def _member(text: str, position: int) -> re.Match[str] | None:
    return _OBJECT.match(text, position) or _MEMBER.match(text, position)
