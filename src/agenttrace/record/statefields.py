"""The fields of spans, recorders, options and scopes in Python: they hold them where there is no compiler.

Type checkers know the fields by these classes. No behaviour lives here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from agenttrace.record.context import Attachment, Scope
    from agenttrace.record.emission import Emission, Extra
    from agenttrace.record.options import Options
    from agenttrace.record.recorder import Recorder

__all__ = ["GearInPython", "OptionFieldsInPython", "ScopeFieldsInPython", "StateInPython"]


class StateInPython:
    """What a span knows. Its fields up to `token` are there from the beginning, the others once it has its ids."""

    __slots__ = (
        "_content",
        "_end_number",
        "_end_status",
        "_end_time",
        "_extra",
        "_fixed",
        "_flags",
        "_generation",
        "_options",
        "_parent",
        "_place",
        "_recorder",
        "_revision",
        "_root",
        "_scope",
        "_span",
        "_started_at",
        "_state",
        "_trace",
        "_turn",
        "_values",
        "token",
    )

    _recorder: Recorder
    _options: Options
    _state: int
    _revision: int
    _flags: int
    _span: bytes  # empty until the span takes its ids
    _content: dict[str, bytes]  # by content key, as JSON
    _values: dict[str, Any]  # what the program set, by content key
    _extra: Extra | None
    token: Attachment | None

    _trace: bytes
    _fixed: bytes  # the header's part that never changes
    _generation: int
    _parent: Emission | None
    _root: Emission | None  # None for the root itself: a reference to itself would leave every span to the collector
    _scope: Scope
    _started_at: int
    _turn: int
    _place: object  # where the journal has the first version, if its content still holds; only the compiled ones look
    _end_time: int  # once there is an end
    _end_number: int
    _end_status: int


class GearInPython:
    """What a recorder gives to every span. All of it is there from the beginning; `configure` sets it anew in place."""

    __slots__ = (
        "append_again",
        "append_parts",
        "clock",
        "enabled",
        "generation",
        "heads",
        "max_content_bytes",
        "new_span",
        "new_trace",
        "scope",
        "sequence",
    )

    enabled: bool
    clock: Callable[[], int]  # nanoseconds since the epoch
    new_trace: Callable[[int], bytes]
    new_span: Callable[[], bytes]
    sequence: Iterator[int]
    append_parts: Callable[..., object]  # takes a record's kind and the pieces of its payload; may return its place
    append_again: Callable[..., object] | None  # takes such a place, how many pieces stand there, and the same
    max_content_bytes: int
    heads: dict[str, bytes] | None  # for `plain`; None where every value goes the thorough way
    scope: Scope  # outside every block
    generation: int  # how many forks lie between this process and the one that made the recorder


class OptionFieldsInPython:
    """What of a span maker's options every span looks at."""

    __slots__ = ("run_type", "scope", "static")

    run_type: str
    scope: Mapping[str, Any] | None
    static: str  # the envelope's part that is the same for all its spans


class ScopeFieldsInPython:
    """What of a scope every span looks at."""

    __slots__ = ("envelopes",)

    envelopes: dict[str, bytes]  # of spans in this scope, by their static part, see `model.wire`
