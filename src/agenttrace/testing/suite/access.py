"""Who may read and what was read: API keys, and the audit log."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.model import ids
from agenttrace.store.protocol import AuditFilter
from agenttrace.testing.records import audit_record, key_used_record, run_record
from agenttrace.testing.suite.base import OTHER, WORKSPACE, StoreSuite, all_runs, write
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import api_key

if TYPE_CHECKING:
    from agenttrace.model.rows import AuditRow
    from agenttrace.store.protocol import Store

__all__ = ["AccessPromises"]

_THERE = ids.workspace_id(OTHER)
_SECOND = 1_000_000


class AccessPromises(StoreSuite):
    """The audit log only grows; an API key is found by its id and changes in two ways: it is used, it is revoked."""

    @proves("write.columns")
    def test_a_note_may_know_little(self, store: Store) -> None:
        """A caller without user and key is a caller too."""
        write(store, audit_record(1, rows=0))
        (note,) = _notes(store)
        assert (note.user_id, note.key_id, note.role, note.status, note.request_id) == (None,) * 5
        assert (note.filters, note.row_count) == ("{}", 0)

    @proves("audit.once", "write.replay")
    def test_a_note_that_is_delivered_again_is_one_row(self, store: Store) -> None:
        """In one batch or in several; what is stored is never changed."""
        write(store, audit_record(1, rows=3), audit_record(1, rows=3))
        write(store, audit_record(1, rows=9), audit_record(2))
        assert sorted(note.row_count for note in _notes(store)) == [1, 3]

    @proves("audit.order")
    def test_notes_come_newest_first_whatever_order_they_arrived_in(self, store: Store) -> None:
        """To the microsecond, then by id."""
        write(store, audit_record(4, time=7), audit_record(1, time=9))
        write(store, audit_record(2, time=8), audit_record(5, time=7))
        assert _numbers(_notes(store)) == [1, 2, 5, 4]

    @proves("audit.filters")
    def test_notes_are_found_by_each_filter(self, store: Store) -> None:
        """Time from `since` up to and without `until`; several filters must all hold."""
        write(store, audit_record(1, time=_SECOND, user="a", key="k1", action="run_logs.queried"))
        write(store, audit_record(2, time=_SECOND + 1, user="a", key="k2", action="prompt_logs.queried"))
        write(store, audit_record(3, time=_SECOND + 2, user="b", key="k2", action="run_logs.queried"))
        assert _numbers(_notes(store, user_id="a")) == [2, 1]
        assert _numbers(_notes(store, key_id="k2")) == [3, 2]
        assert _numbers(_notes(store, action="run_logs.queried")) == [3, 1]
        assert _numbers(_notes(store, action="run_logs.queried", user_id="a", key_id="k1")) == [1]
        assert _numbers(_notes(store, since=_SECOND + 1)) == [3, 2]
        assert _numbers(_notes(store, until=_SECOND + 1)) == [1]
        assert _numbers(_notes(store, since=_SECOND + 1, until=_SECOND + 2)) == [2]
        assert _notes(store, user_id="c") == []

    @proves("audit.order")
    def test_notes_are_read_in_pages(self, store: Store) -> None:
        """`after` begins where the page before ended, also among notes of one instant and under a filter."""
        write(store, *(audit_record(number, time=7 if number < 4 else 8, user="u") for number in range(1, 7)))
        first = _notes(store, limit=4, user_id="u")
        assert _numbers(first) == [6, 5, 4, 3]
        assert _numbers(_notes(store, limit=4, user_id="u", after=first[-1].id)) == [2, 1]
        assert _notes(store, after=ids.time_id(7, 1)) == []

    @proves("store.tenants")
    def test_a_note_belongs_to_its_workspace(self, store: Store) -> None:
        """Also where another workspace's has the same id."""
        write(store, audit_record(1, rows=1), audit_record(1, rows=2, workspace=OTHER))
        assert [note.row_count for note in _notes(store)] == [1]
        assert [note.row_count for note in store.audit(AuditFilter(workspace_id=_THERE))] == [2]

    @proves("keys.unique")
    def test_a_key_is_found_by_its_id(self, store: Store) -> None:
        """Whatever its workspace, which is what one wants to learn from it."""
        first, second = api_key("a"), api_key("b", workspace=_THERE, user_id=None, expires_at=99)
        store.add_key(first)
        store.add_key(second)
        assert store.key("a") == first
        assert store.key("b") == second
        assert store.key("c") is None

    @proves("keys.unique")
    def test_a_keys_id_is_taken_once(self, store: Store) -> None:
        """A second one is rejected, in another workspace too, and changes nothing."""
        store.add_key(api_key("a"))
        with pytest.raises(StoreRejected):
            store.add_key(api_key("a", workspace=_THERE, hash=bytes(32)))
        assert store.key("a") == api_key("a")

    @proves("keys.listed")
    def test_a_workspace_lists_its_keys_newest_first(self, store: Store) -> None:
        """Then by id; those of others do not show."""
        for key in (api_key("b", created_at=5), api_key("a", created_at=5), api_key("c", created_at=9)):
            store.add_key(key)
        store.add_key(api_key("d", workspace=_THERE))
        assert [key.id for key in store.keys(WORKSPACE)] == ["c", "a", "b"]
        assert [key.id for key in store.keys(_THERE)] == ["d"]

    @proves("keys.revoked")
    def test_a_key_is_revoked_once(self, store: Store) -> None:
        """The first time stays."""
        store.add_key(api_key("a"))
        assert store.revoke_key(WORKSPACE, "a", at=50) == api_key("a", revoked_at=50)
        assert store.revoke_key(WORKSPACE, "a", at=60) == api_key("a", revoked_at=50)
        assert store.key("a") == api_key("a", revoked_at=50)

    @proves("keys.revoked", "store.tenants")
    def test_nobody_revokes_another_workspacesapi_key(self, store: Store) -> None:
        """It answers as for one that does not exist."""
        store.add_key(api_key("a"))
        assert store.revoke_key(_THERE, "a", at=50) is None
        assert store.revoke_key(WORKSPACE, "b", at=50) is None
        assert store.key("a") == api_key("a")

    @proves("keys.used")
    def test_the_last_use_of_a_key_only_moves_on(self, store: Store) -> None:
        """Whatever order the records arrive in; those of keys that do not exist, or not there, change nothing."""
        store.add_key(api_key("a"))
        write(store, key_used_record("a", time=7), key_used_record("a", time=9), key_used_record("a", time=8))
        assert store.key("a") == api_key("a", last_used_at=9)
        write(store, key_used_record("a", time=6), key_used_record("b", time=99))
        write(store, key_used_record("a", time=99, workspace=OTHER))
        assert store.key("a") == api_key("a", last_used_at=9)
        assert store.key("b") is None
        write(store, key_used_record("a", time=10))
        assert [key.last_used_at for key in store.keys(WORKSPACE)] == [10]

    @proves("write.columns")
    def test_notes_and_runs_of_one_batch_arrive_together(self, store: Store) -> None:
        """A batch is one transaction."""
        store.add_key(api_key("a"))
        write(store, run_record(1), audit_record(1), key_used_record("a", time=7))
        assert (len(all_runs(store)), len(_notes(store)), store.keys(WORKSPACE)[0].last_used_at) == (1, 1, 7)

    @proves("store.closed")
    def test_a_closed_store_tells_nothing_of_keys_and_notes(self, store: Store) -> None:
        """Calls raise StoreUnavailable until it is opened again."""
        store.add_key(api_key("a"))
        store.close()
        for call in (lambda: store.key("a"), lambda: store.add_key(api_key("b")), lambda: _notes(store)):
            with pytest.raises(StoreUnavailable):
                call()
        store.open()
        assert store.key("a") == api_key("a")


def _notes(store: Store, **where: Any) -> list[AuditRow]:
    return store.audit(AuditFilter(workspace_id=WORKSPACE, **where))


def _numbers(notes: list[AuditRow]) -> list[int]:
    return [int.from_bytes(note.id, "big") & 0xFFFF for note in notes]
