"""Give back what was recorded: trees, runs, and the five documented views.

The functions of this module are those of the default AgentTrace's `query`: `agenttrace.query.run_logs(...)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.default import default_trace

if TYPE_CHECKING:
    from agenttrace.query.reader import Query

    # What type checkers know of the names that `__getattr__` answers; a test holds them to be those of Query.
    def _typed() -> Query: ...

    action_logs = _typed().action_logs
    agent_event = _typed().agent_event
    agent_events = _typed().agent_events
    aio = _typed().aio
    ask_ai_analytics = _typed().ask_ai_analytics
    ask_ai_logs = _typed().ask_ai_logs
    ask_ai_window = _typed().ask_ai_window
    audit = _typed().audit
    follow_session = _typed().follow_session
    forget = _typed().forget
    on_reset = _typed().on_reset
    prompt_logs = _typed().prompt_logs
    reset_session = _typed().reset_session
    run_logs = _typed().run_logs
    run_logs_kept = _typed().run_logs_kept
    run_logs_text = _typed().run_logs_text
    runs = _typed().runs
    session = _typed().session
    sessions = _typed().sessions
    trace = _typed().trace

#: What a Query has. Only these names lead to the default one: asking it for a submodule would import in a circle.
_NAMES = frozenset(
    (
        "action_logs",
        "agent_event",
        "agent_events",
        "aio",
        "ask_ai_analytics",
        "ask_ai_logs",
        "ask_ai_window",
        "audit",
        "follow_session",
        "forget",
        "on_reset",
        "prompt_logs",
        "reset_session",
        "run_logs",
        "run_logs_kept",
        "run_logs_text",
        "runs",
        "session",
        "sessions",
        "trace",
    )
)

if not TYPE_CHECKING:  # which would take it for an answer to every name

    def __getattr__(name: str) -> object:
        default = default_trace() if name in _NAMES else None
        if default is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(default.query, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
