"""What the phases of a purge share: the statements, the filter, what has gone so far, and what a step may still do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.store.protocol import PurgeCounts
from agenttrace.store.purge_digest import row_digest, sum_digests
from agenttrace.store.purge_match import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.store.protocol import PurgeFilter
    from agenttrace.store.purge_tables import PurgeTables, RawKey, StoredEvent

__all__ = ["PAGE", "Progress", "Work"]

#: How many rows are looked at together.
PAGE = 200


class Progress(NamedTuple):
    """Where a phase goes on; where it is over, what the next one begins with."""

    is_over: bool
    rest: bytes = b""


class Work:
    """One step, or with `is_dry` all of them, in which nothing is deleted and what would be is counted."""

    def __init__(self, tables: PurgeTables, where: PurgeFilter, *, limit: int, is_dry: bool) -> None:
        self.tables = tables
        self.where = where
        self.is_dry = is_dry
        self.names = names(where)
        self.budget = limit
        self._counts = dict.fromkeys(PurgeCounts._fields, 0)
        self._gone_runs: list[tuple[bytes, bytes]] = []
        self._gone_events: list[tuple[bytes, str]] = []
        self._counted: set[bytes] = set()  # conversations

    @property
    def room(self) -> int:
        """How many rows may go at once: one at least, so that each step does something."""
        return max(self.budget, 1)

    @property
    def counts(self) -> PurgeCounts:
        """What has gone."""
        return PurgeCounts(**self._counts)

    def stop(self) -> None:
        """Let this step end: enough was read in it."""
        if not self.is_dry:
            self.budget = 0

    def count(self, name: str, digests: Sequence[int]) -> None:
        """Note that rows go."""
        self._counts[name] += len(digests)
        self._counts["digest"] = sum_digests(self._counts["digest"], *digests)
        self.budget -= len(digests)

    def count_cleared(self, name: str, number: int = 1) -> None:
        """Note that rows stay and lose a user."""
        self._counts[name] += number
        self.budget -= number

    def flush(self) -> None:
        """Delete at once what was given to `drop_runs` and `drop_events`: few statements."""
        if not self.is_dry:
            self.tables.delete_runs(self._gone_runs)
            self.tables.delete_events(self._gone_events)
        self._gone_runs.clear()
        self._gone_events.clear()

    def drop_runs(self, workspace: bytes, runs: Iterable[bytes]) -> None:
        """Delete runs."""
        found = list(runs)
        self._gone_runs += [(workspace, run) for run in found]
        self.count("runs", [row_digest("run", workspace, run) for run in found])

    def drop_events(self, workspace: bytes, events: Sequence[StoredEvent]) -> None:
        """Delete events."""
        self._gone_events += [(workspace, event.id) for event in events]
        self.count("events", [row_digest("event", workspace, event.id) for event in events])

    def drop_raw(self, workspace: bytes, spans: Sequence[RawKey], logs: Sequence[RawKey]) -> None:
        """Delete foreign spans and logs."""
        if not self.is_dry:
            self.tables.delete_spans(workspace, spans)
            self.tables.delete_logs(workspace, logs)
        self.count("spans", [row_digest("span", workspace, *one[1:]) for one in spans])
        self.count("logs", [row_digest("log", workspace, *one[1:3]) for one in logs])

    def drop_session(self, workspace: bytes, session: bytes) -> None:
        """Delete a session and its agents."""
        agents = self.tables.session_agents(workspace, session)
        if not self.is_dry:
            self.tables.delete_session(workspace, session)
        self.count("sessions", [row_digest("session", workspace, session)])
        self.count("session_agents", [row_digest("session_agent", workspace, session, agent) for agent in agents])

    def drop_contact(self, workspace: bytes, contact: bytes) -> None:
        """Delete a contact, if it is stored."""
        if self.tables.has_contact(workspace, contact):
            if not self.is_dry:
                self.tables.delete_contact(workspace, contact)
            self.count("contacts", [row_digest("contact", workspace, contact)])

    def drop_conversation(self, workspace: bytes, conversation: bytes) -> None:
        """Delete a conversation, if it is stored."""
        key = workspace + conversation
        if key not in self._counted and self.tables.has_conversation(workspace, conversation):
            if self.is_dry:
                self._counted.add(key)
            else:
                self.tables.delete_conversation(workspace, conversation)
            self.count("conversations", [row_digest("conversation", workspace, conversation)])
