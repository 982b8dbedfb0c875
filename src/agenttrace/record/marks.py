"""Marks: the one text form of everything that has no JSON form. Pure; never raises an Exception.

<NaN> <Infinity> <-Infinity> <cycle> <depth limit>
<12 more>                   items of a container that were not looked at, since the value has too many
<mypkg.Foo>                 an object whose repr says no more than its type (and perhaps its address)
<mypkg.Foo: Foo(x=1)>       an object and its repr, cut after about 1,000 characters
<bytes 5: b'hello'>         bytes as Python writes them, so that redaction sees what they say
<class mypkg.Foo> <function mypkg.foo> <generator mypkg.foo> <coroutine mypkg.foo> <module mypkg>
<mypkg.Foo: ValueError in repr>     an object whose own code failed
"""

from __future__ import annotations

import types
from typing import Any, Final

from agenttrace.faults import let_through

__all__ = ["CYCLE", "DEPTH", "cut", "mark", "mark_bytes", "mark_failure", "mark_more", "sane", "type_name"]

CYCLE: Final = "<cycle>"
DEPTH: Final = "<depth limit>"

_MAX_CHARS = 1000
_MAX_BYTES = 1000
_MAX_TRIM = 128
_UNBROKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./+=~%"

_NAMED: Final[dict[type[Any], str]] = {
    types.FunctionType: "function",
    types.BuiltinFunctionType: "function",
    types.MethodType: "method",
    types.GeneratorType: "generator",
    types.CoroutineType: "coroutine",
    types.AsyncGeneratorType: "async generator",
}


def sane(text: str) -> str:
    """Return an exact `str` that UTF-8 can carry: lone surrogates become backslash escapes.

    >>> sane("a\\ud800b")
    'a\\\\ud800b'
    """
    try:
        return text.encode().decode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def cut(text: str, limit: int = _MAX_CHARS) -> str:
    """Return at most `limit` characters, then an ellipsis; the cut never leaves the head of a token behind.

    A secret of which only the head is left could be too short for redaction to know it.
    """
    if len(text) <= limit:
        return text
    head = text[:limit]
    trimmed = head.rstrip(_UNBROKEN)
    return (trimmed if len(head) - len(trimmed) <= _MAX_TRIM else head) + "…"


def type_name(value: object) -> str:
    """Return the qualified name of a value's type, without `builtins`."""
    return _qualified(type(value))


def _qualified(named: object) -> str:
    try:
        module: object = getattr(named, "__module__", None)
        name: object = getattr(named, "__qualname__", None) or getattr(named, "__name__", None)
    except BaseException as error:  # noqa: BLE001 - a metaclass may raise anything
        let_through(error)
        return "object"
    if not isinstance(name, str):
        return "object"
    return sane(name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}")


def mark(value: object) -> str:
    """Return the marked string for an object: what it is and, where that helps, its repr. Runs the object's repr.

    >>> mark(2j), mark(object()), mark(int)
    ('<complex: 2j>', '<object>', '<class int>')
    """
    kind = _NAMED.get(type(value))
    if kind is not None:
        return f"<{kind} {_qualified(value)}>"
    if isinstance(value, type):
        return f"<class {_qualified(value)}>"
    if isinstance(value, types.ModuleType):
        return f"<module {sane(value.__name__)}>"
    return _described(value)


def _described(value: object) -> str:
    name = type_name(value)
    try:
        detail = sane(cut(str(value) if isinstance(value, BaseException) else repr(value)))
    except BaseException as error:  # noqa: BLE001 - a repr may raise anything
        let_through(error)
        return mark_failure(value, error)
    if not detail or " object at 0x" in detail:
        return f"<{name}>"
    return f"<{name}: {detail}>"


def mark_bytes(value: bytes | bytearray | memoryview) -> str:
    """Return the marked string for bytes: their number, and the first 1,000 as Python writes them.

    >>> mark_bytes(b"hello")
    "<bytes 5: b'hello'>"
    """
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    head = bytes(value[:_MAX_BYTES])
    more = "…" if size > _MAX_BYTES else ""
    if more:
        head = head.rstrip(_UNBROKEN.encode()) or head
    return f"<{type_name(value)} {size}: {head!r}{more}>"


def mark_failure(value: object, error: BaseException) -> str:
    """Return the marked string for an object whose own code raised `error`."""
    return f"<{type_name(value)}: {type_name(error)} in repr>"


def mark_more(count: int) -> str:
    """Return the marked string for so many items that were not looked at."""
    return f"<{count} more>"
