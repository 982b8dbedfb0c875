"""When sessions, contacts and conversations go in a purge: with the last run that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.store.purge_digest import row_digest
from agenttrace.store.purge_match import anchor, first_event_id, is_old_session, names, runs_of
from agenttrace.store.subjects import CONTACT, CONVERSATION, SESSION, Subject, subjects_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agenttrace.model.rows import RunRow
    from agenttrace.store.protocol import PurgeFilter
    from agenttrace.store.purge_tables import PurgeTables, StoredEvent

__all__ = ["Ended", "Ends", "all_subjects"]

#: The digests of the rows that went, by the field of `PurgeCounts` that counts them.
Ended = dict[str, list[int]]

_PAGE = 200
_REMEMBERED = 100_000


def all_subjects(runs: Sequence[RunRow]) -> set[Subject]:
    """Return whom these runs name."""
    return {subject for run in runs for subject in subjects_of(run)}


class Ends:
    """Deletes what no run names any more. With `is_dry` it deletes nothing, and says what would go in the end."""

    def __init__(self, tables: PurgeTables, where: PurgeFilter, *, is_dry: bool) -> None:
        self._tables = tables
        self._where = where
        self._is_dry = is_dry
        self._is_age = not names(where)
        self._seen: set[Subject] = set()
        self._ended: set[tuple[bytes, bytes]] = set()
        self._fates: dict[tuple[bytes, bytes], bool] = {}

    def after(self, gone: set[Subject], runs: Sequence[RunRow]) -> Ended:
        """Delete what a trace named that does not do so any more, now that these runs of it go."""
        ended: Ended = {}
        conversations = [run.conversation_id for run in runs if run.conversation_id is not None]
        for subject in sorted(gone):
            for name, digests in self._after_one(subject, conversations).items():
                ended.setdefault(name, []).extend(digests)
        return ended

    def _after_one(self, subject: Subject, conversations: list[bytes]) -> Ended:
        workspace, kind = subject.workspace_id, subject.kind
        if kind == CONTACT:
            return self.contact(workspace, bytes.fromhex(subject.key))
        if kind == CONVERSATION:
            return self._conversation(workspace, bytes.fromhex(subject.key))
        if kind != SESSION or self._is_age:  # by age sessions are looked at once nothing else is left to do
            return {}
        session = bytes.fromhex(subject.key)
        ended = self.session(workspace, session)
        if ended and not self._is_dry:
            self._tables.leave_session(workspace, conversations, session)
        return ended

    def contact(self, workspace: bytes, contact: bytes) -> Ended:
        """Delete a contact, unless a run names it."""
        if not self._is_free(workspace, CONTACT, contact) or not self._tables.has_contact(workspace, contact):
            return {}
        if not self._is_dry:
            self._tables.delete_contact(workspace, contact)
        return {"contacts": [row_digest("contact", workspace, contact)]}

    def _conversation(self, workspace: bytes, conversation: bytes) -> Ended:
        if not self._is_free(workspace, CONVERSATION, conversation):
            return {}
        if not self._tables.has_conversation(workspace, conversation):
            return {}
        if not self._is_dry:
            self._tables.delete_conversation(workspace, conversation)
        return {"conversations": [row_digest("conversation", workspace, conversation)]}

    def session(self, workspace: bytes, session: bytes) -> Ended:
        """Delete a session, with the events that are left in it, unless a run names it or it is not old enough.

        By age, one that has events left is not deleted.
        """
        row = self._tables.session(workspace, session)
        if row is None or not is_old_session(row, self._where.before) or not self._is_free(workspace, SESSION, session):
            return {}
        if self._is_age and self._has_events(workspace, session):
            return {}
        events = [] if self._is_age else self._left_over(workspace, session)
        agents = self._tables.session_agents(workspace, session)
        self._ended.add((workspace, session))
        if not self._is_dry:
            self._tables.delete_events([(workspace, event.id) for event in events])
            self._tables.delete_session(workspace, session)
        return {
            "sessions": [row_digest("session", workspace, session)],
            "session_agents": [row_digest("session_agent", workspace, session, agent) for agent in agents],
            "events": [row_digest("event", workspace, event.id) for event in events],
        }

    def has_ended(self, workspace: bytes, session: bytes) -> bool:
        """Return whether a session went."""
        return (workspace, session) in self._ended

    def _left_over(self, workspace: bytes, session: bytes) -> list[StoredEvent]:
        events = self._tables.session_events(workspace, session)
        stored = self._tables.stored_runs(workspace, [event.run_id for event in events])
        return [event for event in events if event.run_id not in stored]

    def _has_events(self, workspace: bytes, session: bytes) -> bool:
        events = self._tables.session_events(workspace, session)
        if not self._is_dry:
            return bool(events)
        return not all(self._goes(workspace, event) for event in events)

    def _goes(self, workspace: bytes, event: StoredEvent) -> bool:
        key = (workspace, event.run_id)
        if key not in self._fates:
            if len(self._fates) > _REMEMBERED:
                self._fates.clear()
            self._decide(workspace, event)
        return self._fates[key]

    def _decide(self, workspace: bytes, event: StoredEvent) -> None:
        """Note of each run of an event's trace whether it goes; an event whose run is not stored goes by its age."""
        self._fates[workspace, event.run_id] = event.id < first_event_id(self._where.before or 0)
        for trace in self._tables.traces_with(workspace, [event.run_id]):
            runs = self._tables.outline(workspace, trace)
            going = {run.id for run in runs_of(runs, self._where)}
            self._fates.update({(workspace, run.id): run.id in going for run in runs})

    def _is_free(self, workspace: bytes, kind: int, key: bytes) -> bool:
        """Return whether no run names it; in a dry run, whether none will."""
        if not self._is_dry:
            return not self._tables.traces_of(workspace, kind, key.hex(), after=b"", limit=1)
        subject = Subject(workspace, kind, key.hex(), b"")
        if subject in self._seen:
            return False  # decided and counted before
        self._seen.add(subject)
        return all(self._lets_go(subject._replace(trace_id=trace)) for trace in self._traces(subject))

    def _traces(self, subject: Subject) -> Iterator[bytes]:
        after = b""
        while page := self._tables.traces_of(subject.workspace_id, subject.kind, subject.key, after=after, limit=_PAGE):
            yield from page
            after = page[-1]

    def _lets_go(self, subject: Subject) -> bool:
        runs = self._tables.outline(subject.workspace_id, subject.trace_id)
        goes = runs_of(runs, self._where)
        going = {run.id for run in goes}
        stays = [run for run in runs if run.id not in going]
        if (subject.kind, subject.key) == anchor(self._where) and subject not in all_subjects(runs):
            return True  # it named it once, and is forgotten when the purge comes by
        return subject in all_subjects(goes) and subject not in all_subjects(stays)
