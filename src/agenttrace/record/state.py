"""The fields of spans, recorders, options and scopes that the way of a usual span (`usual`) reads and writes.

No behaviour lives here. Where the package was built with a C compiler the fields lie in C structures (`_state.h`), else
they are those of `statefields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "ENDED",
    "HOME",
    "IS_FAILED",
    "IS_PENDING",
    "IS_RUNNING",
    "IS_SUCCESS",
    "NATIVE",
    "NEW",
    "PENDING",
    "RUNNING",
    "Gear",
    "OptionFields",
    "ScopeFields",
    "State",
]

NEW, PENDING, RUNNING, ENDED = range(4)
IS_PENDING, IS_RUNNING, IS_SUCCESS, IS_FAILED = range(4)  # places in wire.STATUSES
# Of two ends of one span the one from the process that began it counts; a forked child holds a copy of every open span.
HOME = 1 << 23


#: `NATIVE` says whether the fields lie in C structures.
if TYPE_CHECKING:
    from agenttrace.record.statefields import GearInPython as Gear
    from agenttrace.record.statefields import OptionFieldsInPython as OptionFields
    from agenttrace.record.statefields import ScopeFieldsInPython as ScopeFields
    from agenttrace.record.statefields import StateInPython as State

    NATIVE: bool
else:
    try:
        from agenttrace.record._native import Gear, OptionFields, ScopeFields, State

        NATIVE = True
    except ImportError:  # built without a compiler
        from agenttrace.record.statefields import GearInPython as Gear
        from agenttrace.record.statefields import OptionFieldsInPython as OptionFields
        from agenttrace.record.statefields import ScopeFieldsInPython as ScopeFields
        from agenttrace.record.statefields import StateInPython as State

        NATIVE = False
