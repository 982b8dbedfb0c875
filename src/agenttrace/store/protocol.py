"""What a store owes: the Store protocol, its filters, and the promises that `testing.StoreConformance` checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agenttrace.model.rows import (
        AgentRow,
        ApiKeyRow,
        AuditRow,
        ConversationRow,
        DeadLetterRow,
        EventRow,
        LetterFigures,
        LogRow,
        ProcessRow,
        RunFigures,
        RunRow,
        SessionRow,
        SpanRow,
        TreeRow,
        TreeStamp,
    )
    from agenttrace.store.batch import Batch

__all__ = [
    "LINK_AGE",
    "AuditFilter",
    "CollectStep",
    "EventFilter",
    "Inspectable",
    "PurgeCounts",
    "PurgeFilter",
    "PurgeStep",
    "RunFilter",
    "SessionFilter",
    "Store",
    "StoredRow",
    "Versioned",
]


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
    abandoned: bool = False  # failed, with an error whose type is "abandoned"
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
    fields: frozenset[str] | None = None  # those of `RunRow` that the caller reads: others may be left None


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


@dataclass(slots=True, frozen=True, kw_only=True)
class PurgeFilter:
    """What to delete for good; every field that is set must hold. At least one besides `workspace_id` and `audit` is.

    Where one of user, contact and session is set, `workspace_id` is set as well. What matches, in one workspace:

    - `before`: a run is old where it, or the root of its turn (`turn_time`), started before that.
    - user, contact, session: a run is meant where it carries all that are set; and of the runs of the same trace those
      that lack some of them and carry none other. (Runs of the same trace that carry another user, contact or session
      stay.)
    - A run that fits goes, and with it its events: those without a session, and those in the sessions that the runs of
      its trace name. A run that stays and whose parent goes is a root.
    - Of the trace of a run that goes its foreign spans and logs go: all of them where no run of the trace is left, else
      those of the runs that go and those below them that belong to no run that stays. With `before` alone also spans
      and logs that started before, of traces without any run, and events before that whose run is not stored.
    - With a user, contact or session: a contact, conversation or session that a run that goes names goes too, unless a
      run that stays names it. A session takes the events that are left in it along; with `before` it has to be old
      itself: created before, and without a message since.
    - With `before` alone: a session that is old and in which no event and no prompt is left, and its conversation where
      no prompt is left in that. Contacts and other conversations may stay. A session and an event for which there never
      was a run go by `before` alone.
    - Where nothing but one of user, contact and session is set, and perhaps `before`: the session itself and the user's
      sessions go as said, with or without runs; the contact, unless `before` is set. A session of the user's in which
      another one's runs stay loses its `user_id`.
    - Agents and API keys stay.
    - Notes of the audit log: with a user alone (and perhaps `before`: those made before) the notes of what that user
      did lose their `user_id`, or go where `audit` is set. With `before` alone and `audit` all notes made before go.
      Notes whose action is `data.purged` always stay as they are.
    """

    workspace_id: bytes | None = None  # None: every workspace
    before: int | None = None
    user_id: str | None = None  # as it is stored, see `ids.canonical`
    ai_contact_id: bytes | None = None
    session_id: bytes | None = None
    audit: bool = False


class PurgeCounts(NamedTuple):
    """How many rows of each table go. `notes_cleared` and `sessions_cleared` lose a user and stay.

    `digest` is the sum, modulo 2**256, of the SHA-256 of each row that goes: of its table's name, a zero byte, and the
    parts of its primary key, workspace first, each (text as UTF-8, integers as 8 bytes, big-endian) after its length
    in 4 bytes, big-endian. So it is the same whatever the order. `store.purge_digest.row_digest` computes one.
    """

    runs: int = 0
    events: int = 0
    sessions: int = 0
    session_agents: int = 0
    contacts: int = 0
    conversations: int = 0
    spans: int = 0
    logs: int = 0
    audit: int = 0
    sessions_cleared: int = 0
    notes_cleared: int = 0
    digest: int = 0


class PurgeStep(NamedTuple):
    """What one step of a purge deleted, and what the next one is given as `after`; None: nothing is left to do."""

    counts: PurgeCounts
    after: bytes | None


#: How long what nothing refers to is kept at least, in microseconds: an hour.
LINK_AGE = 3_600_000_000


class CollectStep(NamedTuple):
    """How many links one step deleted, and what the next one is given as `after`; None: the pass is over."""

    links: int
    after: bytes | None


@runtime_checkable
class Store(Protocol):
    """A place where runs and events are kept and found again.

    Every method may be called from any thread, and from several at once. A method that fails raises a `StoreError`
    and has changed nothing: `StoreUnavailable` where the same call may work later, `StoreRejected` where it never will.
    No method returns a row of another workspace than the one it was asked for.

    What it owes has ids, which `agenttrace.store.promises` explains and the conformance suite proves; each method names
    its own. Of all of them: `store.protocol`, `store.closed`, `store.copies`, `store.threads`, `store.processes`,
    `store.killed`, `store.tenants`.
    """

    url: str

    def open(self) -> None:
        """Make the store usable: connect, create what is missing. Calling it again does nothing.

        Raises StoreTooNew where a newer agenttrace wrote the store.

        Promises: `store.reopen`.
        """
        ...

    def close(self) -> None:
        """Give back connections. Calling it again does nothing; `open` makes the store usable once more."""
        ...

    def now(self) -> int:
        """Return the store's clock in microseconds.

        Promises: `store.clock`.
        """
        ...

    def state(self) -> object | None:
        """Return a value that equals an earlier one only if no run, event or entity was changed since; None if unknown.

        It is asked for on event loops: it takes microseconds and waits for nobody. A store that cannot tell so fast
        returns None.

        Promises: `store.state`.
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

        Promises: `write.columns`, `write.values`, `write.sizes`, `write.instants`, `write.replay`, `write.rejects`,
        `write.rollback`, `write.atomic`, `write.whole`, `merge.order`, `merge.ids`, `merge.events`, `trees.roots`,
        `trees.loops`, `trees.spread`, `events.implied`, `events.session`, `entities.grow`, `entities.names`,
        `reset.late`.
        """
        ...

    def abandon(self, process_id: bytes, *, at: int) -> int:
        """End every `running` run of a dead process as failed, `error.type = "abandoned"`, and return how many.

        The end has rank RANK_ABANDONED, so a real end or a proof of life that arrives later wins. Pending runs stay.
        The process's heartbeat goes.

        Promises: `merge.abandon`, `foreign.abandon`.
        """
        ...

    def revive(self, process_id: bytes, runs: Sequence[tuple[bytes, bytes]]) -> int:
        """Open those of these runs, by (workspace_id, id), again that were ended as abandoned; return how many.

        They are `running` runs of the process once more, by a version of rank RANK_ALIVE.

        Promises: `beats.revive`.
        """
        ...

    def processes(self) -> list[ProcessRow]:
        """Return the heartbeats of the processes that record into this store and have not ended, by id.

        A batch brings them (`batch.beats`); the latest that was written is the one that is there.

        Promises: `beats.latest`.
        """
        ...

    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        """Reset all sessions of (workspace, team, user) in one transaction and return them as they are now.

        Input messages are hidden, every other event is deleted, `last_message_at` becomes None and `reset_at` the
        store's clock. Runs stay.

        Promises: `reset.clears`, `reset.owner`, `reset.moves`.
        """
        ...

    def runs(self, where: RunFilter) -> list[RunRow]:
        """Return the runs that match, newest first.

        Promises: `runs.filters`, `runs.order`, `runs.pages`, `runs.after`, `runs.pagination`.
        """
        ...

    def count_runs(self, where: RunFilter) -> int:
        """Return how many runs match; `limit`, `offset` and `after` do not count.

        Promises: `runs.counts`.
        """
        ...

    def workspaces(self) -> list[bytes]:
        """Return the ids of the workspaces that have runs, each once, ascending.

        Nobody who reads on behalf of one workspace is told; it is for those who look after the store.

        Promises: `runs.workspaces`.
        """
        ...

    def run_figures(self, where: RunFilter) -> list[RunFigures]:
        """Return what sums need of the runs that match, newest first; `where.ids` is not set.

        No content is read but that of prompts, and of that only what is returned.

        Promises: `runs.figures`.
        """
        ...

    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        """Return all runs of these traces in this workspace, oldest first: `start_time`, `seq`, `id` ascending.

        Promises: `trees.traces`.
        """
        ...

    def run_ids(self, where: RunFilter) -> list[bytes]:
        """Return the ids of the runs that match, newest first; `where.ids` is not set."""
        ...

    def tree_stamps(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeStamp]:
        """Return figures for the trace of each of these runs, in their order: they differ once a run of it differs.

        A trace is told by what a run's id carries of it, so runs of other traces may count as well.

        Promises: `trees.stamps`.
        """
        ...

    def tree_rows(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeRow]:
        """Return what trees show of all runs of the same traces, in no order, each run once.

        Promises: `trees.rows`.
        """
        ...

    def events(self, where: EventFilter) -> list[EventRow]:
        """Return the visible events that match.

        Promises: `events.filters`, `events.order`.
        """
        ...

    def count_events(self, where: EventFilter) -> int:
        """Return how many visible events match; `limit` and `after` do not count."""
        ...

    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        """Return the sessions that match.

        Promises: `entities.sessions`.
        """
        ...

    def session_has_agent(self, workspace_id: bytes, session_id: bytes, agent_key: str) -> bool:
        """Return whether the agent took part in the session."""
        ...

    def agents(self, workspace_id: bytes, keys: Sequence[str]) -> list[AgentRow]:
        """Return those of the agents that exist.

        Promises: `entities.exist`.
        """
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

        Promises: `foreign.raw`, `foreign.derived`, `foreign.order`, `foreign.fullest`, `foreign.ours`.
        """
        ...

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records inside the foreign spans of a trace, each once: `time`, then `id` ascending."""
        ...

    def audit(self, where: AuditFilter) -> list[AuditRow]:
        """Return the notes of the audit log that match. `write` adds notes, once each; nothing changes them.

        Promises: `audit.once`, `audit.filters`, `audit.order`.
        """
        ...

    def add_key(self, row: ApiKeyRow) -> None:
        """Add an API key. Raises StoreRejected where its id exists, in whatever workspace.

        Promises: `keys.unique`.
        """
        ...

    def key(self, key_id: str) -> ApiKeyRow | None:
        """Return the API key with this id, of whatever workspace: what it says tells the caller's workspace.

        Its `last_used_at` is the latest that a batch has brought.

        Promises: `keys.used`.
        """
        ...

    def keys(self, workspace_id: bytes) -> list[ApiKeyRow]:
        """Return the API keys of a workspace: `created_at` descending, then `id` ascending.

        Promises: `keys.listed`.
        """
        ...

    def revoke_key(self, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
        """Set a key's `revoked_at`, unless it is set, and return the key; None where the workspace has none such.

        Promises: `keys.revoked`.
        """
        ...

    def set_aside(self, letters: Sequence[DeadLetterRow]) -> None:
        """Keep records that were refused: each once, by id, with time and error as they were given last.

        A payload is bytes: whatever a record holds, and however long it is, it can be set aside. A writer whose letters
        are refused as well keeps them in files beside its journal.

        Promises: `letters.once`, `letters.whole`.
        """
        ...

    def dead_letters(
        self,
        *,
        ids: Sequence[bytes] | None = None,
        after: tuple[int, bytes] | None = None,
        limit: int | None = None,
    ) -> list[DeadLetterRow]:
        """Return dead letters of all workspaces, oldest first: `time`, then `id` ascending; with `ids` only those.

        `after` goes on behind a place in the order. Nobody who reads on behalf of one workspace is told; it is for
        those who look after the store.

        Promises: `letters.order`.
        """
        ...

    def discard_letters(self, ids: Sequence[bytes]) -> int:
        """Delete these dead letters for good, as far as there are any, and return how many there were.

        Promises: `letters.discarded`.
        """
        ...

    def letter_figures(self, *, since: int) -> LetterFigures:
        """Return how many dead letters there are, and how many of them were set aside at or after `since`.

        No payload is read.

        Promises: `letters.figures`.
        """
        ...

    def collect(
        self, *, workspace_id: bytes | None = None, older_than: int = LINK_AGE, after: bytes = b"", limit: int = 1000
    ) -> CollectStep:
        """Delete what prompts share and no run needs any more; return how much, and where to go on.

        A step looks at `limit` links, of one workspace or of all, and deletes those that were stored at least
        `older_than` microseconds ago and that nothing leads to, with those before them of which that is true then, in
        transactions of some `limit` each. What a run needs is never deleted, whoever writes at the same time; a pass
        from `after=b""` on finds all that nothing led to when it began. A store may take a step by itself now and
        then. One that keeps each prompt whole returns `CollectStep(0, None)`.

        Promises: `links.whole`, `links.tenants`, `links.collect`.
        """
        ...

    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        """Delete for good some of what matches, in one transaction, and return what went and where to go on.

        Of each table at most about `limit` rows go in a step, so that nobody waits long. A step may delete nothing and
        yet not be the last. Between two steps a turn may be half gone; what arrived meanwhile is perhaps not found: a
        purge is over when a whole pass from `after=b""` on deleted nothing. Nothing of another workspace is touched.

        Promises: `purge.exact`, `purge.bounded`, `purge.orphans`, `purge.tenants`, `purge.digest`.
        """
        ...

    def purge_counts(self, where: PurgeFilter) -> PurgeCounts:
        """Return what `purge`, called until it has nothing to do, would delete now; changes nothing.

        Promises: `purge.dry_run`.
        """
        ...

    def scrub(self) -> bool:
        """Overwrite what deleted rows have left in the store's files, and return whether nothing of it is left there.

        It may take as long as the store is large, and hold up writers; False where others were in the way, so that it
        is worth to be called again. A server that keeps its files to itself does what it can, and returns True.

        Promises: `purge.scrub`.
        """
        ...


@runtime_checkable
class Versioned(Protocol):
    """A store whose tables have versions, which `open` brings up to what the library knows."""

    #: The version that the library knows.
    known_version: int

    def version(self) -> int:
        """Return the version of the tables that are there, 0 where there are none. Changes nothing, `open` or not."""
        ...


class StoredRow(NamedTuple):
    """One row as it is kept: its table, the values of its primary key, and all values by column."""

    table: str
    key: tuple[object, ...]
    values: dict[str, object]


@runtime_checkable
class Inspectable(Protocol):
    """A store that shows what it keeps, for those who look after it: of all workspaces, and as it lies there."""

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield every row of every table, `open` or not. Changes nothing, and holds some hundred rows at a time.

        What is written meanwhile may be missing.
        """
        ...
