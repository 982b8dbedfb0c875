"""What a store owes: the Store protocol, its filters, and the promises that `testing.StoreConformance` checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.model.rows import (
        AgentRow,
        ApiKeyRow,
        AuditRow,
        ConversationRow,
        EventRow,
        LogRow,
        RunFigures,
        RunRow,
        SessionRow,
        SpanRow,
        TreeRow,
        TreeStamp,
    )
    from agenttrace.store.batch import Batch

__all__ = ["AuditFilter", "EventFilter", "RunFilter", "SessionFilter", "Store"]


@dataclass(slots=True, frozen=True, kw_only=True)
class RunFilter:
    """Which runs of one workspace to return; every field that is set must hold.

    Order is always newest first: `start_time` descending, then `id` ascending.
    """

    workspace_id: bytes
    ids: Sequence[bytes] | None = None
    run_type: str | None = None
    status: str | None = None
    name: str | None = None
    since: int | None = None  # start_time >= since
    until: int | None = None  # start_time < until
    roots_only: bool = False  # runs without a parent, or whose parent is not stored
    agent_key: str | None = None
    session_id: bytes | None = None
    conversation_id: bytes | None = None
    call_sid: str | None = None
    call_session_id: bytes | None = None  # with call_sid: a run of this session matches as well
    ai_contact_id: bytes | None = None
    interaction_types: Sequence[str] | None = None
    widget_id: str | None = None
    placement_id: str | None = None
    deployment_type: str | None = None
    prompt_type: str | None = None
    state_name: str | None = None
    after: tuple[int, bytes] | None = None  # rows that come after (start_time, id) in the order: keyset pagination
    limit: int | None = None
    offset: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class EventFilter:
    """Which visible events of one session to return, by id: ascending, or descending where `newest_first`."""

    workspace_id: bytes
    session_id: bytes
    types: Sequence[str]
    after: str | None = None  # ids that come after this one in the order
    id: str | None = None
    newest_first: bool = False
    limit: int | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionFilter:
    """Which sessions of one workspace to return: `created_at` descending, then `id` ascending."""

    workspace_id: bytes
    ids: Sequence[bytes] | None = None
    agent_key: str | None = None  # the agent took part in the session
    user_id: str | None = None
    team_id: str | None = None
    limit: int | None = None
    offset: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class AuditFilter:
    """Which notes of one workspace's audit log to return: newest first, that is by `id`, descending."""

    workspace_id: bytes
    action: str | None = None
    user_id: str | None = None
    key_id: str | None = None
    since: int | None = None  # created_at >= since
    until: int | None = None  # created_at < until
    after: bytes | None = None  # ids that come after this one in the order, which are lesser ones
    limit: int | None = None


@runtime_checkable
class Store(Protocol):
    """A place where runs and events are kept and found again.

    Every method may be called from any thread, and from several at once. A method that fails raises a `StoreError`
    and has changed nothing: `StoreUnavailable` where the same call may work later, `StoreRejected` where it never will.
    No method returns a row of another workspace than the one it was asked for.
    """

    url: str

    def open(self) -> None:
        """Make the store usable: connect, create what is missing. Calling it again does nothing.

        Raises StoreTooNew where a newer agenttrace wrote the store.
        """
        ...

    def close(self) -> None:
        """Give back connections. Calling it again does nothing; `open` makes the store usable once more."""
        ...

    def now(self) -> int:
        """Return the store's clock in microseconds."""
        ...

    def state(self) -> object | None:
        """Return a value that equals an earlier one only if no run or entity was changed since; None if unknown.

        It is asked for on event loops: it takes microseconds and waits for nobody. A store that cannot tell so fast
        returns None.
        """
        ...

    def write(self, batch: Batch) -> None:
        """Write a batch: all of it, or nothing.

        Of the versions of a run the one with the greatest `version` stays, whatever the order they arrive in and
        however often; an id that one version knows and another lacks is kept. Events, sessions, agents, contacts and
        conversations are written once per key; what one version knows and another lacks is kept.
        A run whose parent is stored is no root, whichever of the two came first; parents never resolve across
        workspaces. Of runs that are each other's parents, in a loop, the one with the least id is a root.
        Records of a turn that began at or before its session's `reset_at` add nothing that a view shows.
        """
        ...

    def abandon(self, process_id: bytes, *, at: int) -> int:
        """End every `running` run of a dead process as failed, `error.type = "abandoned"`, and return how many.

        The end has rank RANK_ABANDONED, so a real end or a proof of life that arrives later wins. Pending runs stay.
        """
        ...

    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        """Reset all sessions of (workspace, team, user) in one transaction and return them as they are now.

        Input messages are hidden, every other event is deleted, `last_message_at` becomes None and `reset_at` the
        store's clock. Runs stay.
        """
        ...

    def runs(self, where: RunFilter) -> list[RunRow]:
        """Return the runs that match, newest first."""
        ...

    def count_runs(self, where: RunFilter) -> int:
        """Return how many runs match; `limit`, `offset` and `after` do not count."""
        ...

    def run_figures(self, where: RunFilter) -> list[RunFigures]:
        """Return what sums need of the runs that match, newest first; `where.ids` is not set.

        No content is read but that of prompts, and of that only what is returned.
        """
        ...

    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        """Return all runs of these traces in this workspace, oldest first: `start_time`, `seq`, `id` ascending."""
        ...

    def run_ids(self, where: RunFilter) -> list[bytes]:
        """Return the ids of the runs that match, newest first; `where.ids` is not set."""
        ...

    def tree_stamps(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeStamp]:
        """Return figures for the trace of each of these runs, in their order: they differ once a run of it differs.

        A trace is told by what a run's id carries of it, so runs of other traces may count as well.
        """
        ...

    def tree_rows(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeRow]:
        """Return what trees show of all runs of the same traces, in no order, each run once."""
        ...

    def events(self, where: EventFilter) -> list[EventRow]:
        """Return the visible events that match."""
        ...

    def count_events(self, where: EventFilter) -> int:
        """Return how many visible events match; `limit` and `after` do not count."""
        ...

    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        """Return the sessions that match."""
        ...

    def session_has_agent(self, workspace_id: bytes, session_id: bytes, agent_key: str) -> bool:
        """Return whether the agent took part in the session."""
        ...

    def agents(self, workspace_id: bytes, keys: Sequence[str]) -> list[AgentRow]:
        """Return those of the agents that exist."""
        ...

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the AI contact was registered or named by a run."""
        ...

    def conversation(self, workspace_id: bytes, conversation_id: bytes) -> ConversationRow | None:
        """Return the conversation, or None where no run named it."""
        ...

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return the foreign spans of a trace as they were received, the greatest version of each, by span id.

        `write` keeps them, and brings the runs and events that a batch's `derive` makes of all spans, logs and runs of
        a trace up to date whenever a batch touches it: in whatever order, split and repetition they come, the runs are
        the same. What was derived before and is not any more is gone; no run of our own is ever replaced.
        """
        ...

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records inside the foreign spans of a trace, each once: `time`, then `id` ascending."""
        ...

    def audit(self, where: AuditFilter) -> list[AuditRow]:
        """Return the notes of the audit log that match. `write` adds notes, once each; nothing changes them."""
        ...

    def add_key(self, row: ApiKeyRow) -> None:
        """Add an API key. Raises StoreRejected where its id exists, in whatever workspace."""
        ...

    def key(self, key_id: str) -> ApiKeyRow | None:
        """Return the API key with this id, of whatever workspace: what it says tells the caller's workspace.

        Its `last_used_at` is the latest that a batch has brought.
        """
        ...

    def keys(self, workspace_id: bytes) -> list[ApiKeyRow]:
        """Return the API keys of a workspace: `created_at` descending, then `id` ascending."""
        ...

    def revoke_key(self, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
        """Set a key's `revoked_at`, unless it is set, and return the key; None where the workspace has none such."""
        ...
