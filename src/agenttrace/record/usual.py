"""The usual way of a span: how a root, or a child of ours in its root's scope, begins and ends when nothing is special.

This is where tracing costs its microseconds. It does what `emission` does step by step, in one go; what is not usual is
left to `emission`. Where the package was built with a C compiler the functions are those of `_native.c`, else those of
`usualsteps`. Tests hold that all ways write the same records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import Context

from agenttrace.model.versions import RANK_START
from agenttrace.model.wire import OPEN, RUN, VERSION
from agenttrace.record.context import CONTEXT, CURRENT, OURS, SCOPE
from agenttrace.record.fields import ENVELOPE_KEYS, KEY_JSON
from agenttrace.record.options import UNSET
from agenttrace.record.state import IS_RUNNING, NATIVE

__all__ = ["FIRST_VERSION", "begin", "end", "fill", "opened", "parts"]

_get, _enter, _reset = CONTEXT.get, CONTEXT.set, CONTEXT.reset

FIRST_VERSION = VERSION.pack(OPEN, 0, 0, RANK_START, IS_RUNNING, 0)


def parts(fixed: bytes, version: bytes, envelope: bytes, content: dict[str, bytes]) -> list[bytes]:
    """Return a RUN payload, in pieces."""
    pieces = [fixed, version, envelope]
    for key, fragment in content.items():
        pieces += (KEY_JSON[key], fragment)
    return pieces


if TYPE_CHECKING or not NATIVE:
    from agenttrace.record.usualsteps import begin, end, fill, opened
else:
    from agenttrace.record import _native

    _native.prepare(
        *(_get, _enter, _reset, Context, CURRENT, OURS, SCOPE),
        *(KEY_JSON, ENVELOPE_KEYS, UNSET, RUN, FIRST_VERSION),
    )
    opened, fill, begin, end = _native.opened, _native.fill, _native.begin, _native.end
