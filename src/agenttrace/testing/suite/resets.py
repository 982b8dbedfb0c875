"""Session resets: what they hide, what they delete, and what arrives after them."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agenttrace.model import ids
from agenttrace.store.protocol import SessionFilter
from agenttrace.testing.records import PROCESS, event_record, run_record
from agenttrace.testing.suite.base import (
    OTHER,
    SESSION,
    WORKSPACE,
    StandingClock,
    StoreSuite,
    all_runs,
    events_of,
    shown,
    shown_types,
    write,
)
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.model.rows import SessionRow
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["ResetPromises"]

_SCOPE = {"session_id": SESSION, "user_id": "u", "team_id": "t", "agent_key": "support"}


class ResetPromises(StoreSuite):
    """A reset wipes a session's events and leaves its runs."""

    @proves("reset.clears")
    def test_a_reset_clears_what_shows_and_keeps_the_runs(self, store: Store, clock: StandingClock) -> None:
        """No event shows, the last message is forgotten, `reset_at` is the store's clock."""
        write(store, *_turn(1), event_record(1, scope=_SCOPE, turn=1_000_000))
        assert _session(store).last_message_at == 3_000_000
        (row,) = store.reset(WORKSPACE, team_id="t", user_id="u")
        assert (row.last_message_at, row.reset_at) == (None, clock.time)
        assert row == _session(store)
        assert shown(store) == []
        assert store.count_events(events_of()) == 0
        assert len(all_runs(store)) == 2

    @proves("reset.owner")
    def test_a_reset_of_nothing_returns_nothing(self, store: Store) -> None:
        """Another user, team or workspace is not touched."""
        write(store, *_turn(1))
        assert store.reset(WORKSPACE, team_id="t", user_id="other") == []
        assert store.reset(WORKSPACE, team_id="other", user_id="u") == []
        assert store.reset(ids.workspace_id(OTHER), team_id="t", user_id="u") == []
        assert len(shown(store)) == 4

    @proves("reset.owner")
    def test_a_reset_applies_to_all_sessions_of_the_user(self, store: Store) -> None:
        """Sessions of the same team and user go together."""
        write(store, *_turn(1), *_turn(11, session_id="ase_other"))
        assert len(store.reset(WORKSPACE, team_id="t", user_id="u")) == 2
        assert shown(store) == shown(store, "ase_other") == []

    @proves("reset.owner")
    @pytest.mark.parametrize("spelling", ["{}", "urn:uuid:{}"])
    def test_a_user_is_found_in_any_spelling_of_the_uuid(self, store: Store, spelling: str) -> None:
        """UUIDs are kept, and looked for, in one form."""
        user = "A63AB83D-2BB8-42AB-8374-23B8E1E276E3"
        write(store, *_turn(1, user_id=user))
        assert len(store.reset(WORKSPACE, team_id="t", user_id=spelling.format(user.lower()))) == 1

    @proves("reset.late")
    def test_late_records_of_a_turn_before_the_reset_show_nothing(self, store: Store, clock: StandingClock) -> None:
        """The end of a turn that was under way, a replay, a late event: none of them shows."""
        start, *rest = _turn(1)
        write(store, start)
        clock.time = 1_500_000
        store.reset(WORKSPACE, team_id="t", user_id="u")
        write(store, start, *rest, event_record(1, scope=_SCOPE, turn=1_000_000, time=2_000_000))
        assert shown(store) == []
        assert _session(store).last_message_at is None
        assert len(all_runs(store)) == 2

    @proves("reset.late")
    def test_a_turn_that_began_at_the_reset_belongs_to_before(self, store: Store, clock: StandingClock) -> None:
        """`reset_at` itself counts as before, the next microsecond as after."""
        write(store, run_record(9, start=1, turn=1, scope=_SCOPE))
        clock.time = 1_000_000
        store.reset(WORKSPACE, team_id="t", user_id="u")
        write(store, *_turn(1))
        assert shown(store) == []
        write(store, *_turn(11, start=1_000_001))
        assert shown_types(store) == ["input_message", "tool_input", "tool_output", "agent_output"]
        assert _session(store).last_message_at == 3_000_001

    @proves("reset.late")
    def test_an_end_by_abandonment_shows_nothing_after_a_reset(self, store: Store, clock: StandingClock) -> None:
        """What a dead process leaves is late as well."""
        write(store, run_record(1, scope=_SCOPE))
        clock.time = 2_000_000
        store.reset(WORKSPACE, team_id="t", user_id="u")
        assert store.abandon(PROCESS, at=3_000_000) == 1
        assert shown(store) == []

    @proves("reset.moves")
    def test_a_second_reset_moves_on(self, store: Store, clock: StandingClock) -> None:
        """What came between the two is cleared too; `reset_at` never goes back."""
        store_at = clock.time
        write(store, *_turn(1))
        store.reset(WORKSPACE, team_id="t", user_id="u")
        write(store, *_turn(11, start=store_at + 1))
        assert len(shown(store)) == 4
        clock.time += 1_000
        store.reset(WORKSPACE, team_id="t", user_id="u")
        assert shown(store) == []
        clock.time = 5
        (row,) = store.reset(WORKSPACE, team_id="t", user_id="u")
        assert row.reset_at == store_at + 1_000


def _turn(span: int, *, start: int = 1_000_000, **scope: str) -> list[Record]:
    """Return a turn's records: the master, a tool call, their ends."""
    ids_ = {**_SCOPE, **scope}
    talk = {"input": "hi", "output": "hello"}
    return [
        run_record(span, run_type="master", start=start, turn=start, scope=ids_, content={"input": "hi"}),
        run_record(span + 1, parent=span, start=start + 1, seq=2, turn=start, scope=ids_, end=start + 2),
        run_record(span, run_type="master", start=start, turn=start, scope=ids_, content=talk, end=start + 2_000_000),
    ]


def _session(store: Store) -> SessionRow:
    wanted = [ids.session_id(WORKSPACE, SESSION)]
    (row,) = store.sessions(SessionFilter(workspace_id=WORKSPACE, ids=wanted))
    return row
