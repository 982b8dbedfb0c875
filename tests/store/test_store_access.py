"""Notes of the audit log and API keys: how records become rows, which index serves, and what the suite catches."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.errors import StoreRejected
from agenttrace.model import ids
from agenttrace.model.rows import ApiKeyRow, AuditRow
from agenttrace.model.wire import AUDIT, KEY_USED, write_note
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import AuditFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import PROCESS, audit_record, batch_of, key_used_record
from agenttrace.testing.suite.access import AccessPromises
from agenttrace.testing.suite.base import WORKSPACE, StandingClock

TIMES = st.integers(0, (1 << 48) * 1000 - 1)


@given(TIMES, TIMES, st.integers(0, (1 << 62) - 1), st.integers(0, (1 << 62) - 1))
def test_ids_sort_by_time_then_by_the_rest(one: int, other: int, rest: int, more: int) -> None:
    """To the microsecond, and they are UUIDs of version 7."""
    assert (ids.time_id(one, rest) < ids.time_id(other, more)) == ((one, rest) < (other, more))
    made = uuid.UUID(bytes=ids.time_id(one, rest))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == one // 1000


def test_an_id_outside_the_range_of_times_stays_at_its_edge() -> None:
    """A filter from the year 1 to the year 9999 works."""
    assert ids.time_id(-5, 0) == ids.time_id(0, 0)
    assert ids.time_id(1 << 80, 0) > ids.time_id((1 << 48) * 1000 - 2, 0)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (AUDIT, b"{}"),
        (AUDIT, b"x" * 40),
        (AUDIT, write_note((1, 1, 1, None, b"[]", b"null", b"{}"))),
        (AUDIT, write_note((1, 1, 1, None, b"{}", b"null", b"{}"))),
        (AUDIT, audit_record(1, request=5)[1]),
        (AUDIT, audit_record(1)[1].replace(b"\nnull\n", b"\nnul\n")),
        (AUDIT, audit_record(1, workspace="acme")[1]),
        (AUDIT, audit_record(1, action="")[1]),
        (AUDIT, audit_record(1, user=5)[1]),
        (KEY_USED, b"{}"),
        (KEY_USED, key_used_record("a", workspace="acme")[1]),
        (KEY_USED, key_used_record("")[1]),
    ],
)
def test_a_record_that_is_none_is_refused(kind: int, payload: bytes) -> None:
    """It leaves the batch as it was, and is set aside by the writer."""
    batch = Batch()
    with pytest.raises(ValueError):
        batch.add(kind, payload, process_id=PROCESS, now=1)
    assert len(batch) == 0


def test_a_batch_counts_notes_and_used_keys() -> None:
    """A batch that has nothing else is not empty."""
    assert len(batch_of(audit_record(1), audit_record(1), audit_record(2), key_used_record("a"))) == 3


@pytest.mark.parametrize(
    ("where", "index"),
    [({}, "PRIMARY KEY"), ({"user_id": "u"}, "audit_user"), ({"action": "a"}, "audit_action")],
)
def test_notes_are_read_along_an_index(tmp_path: Path, where: dict[str, str], index: str) -> None:
    """Nothing is sorted, and a page reads no more than its rows."""
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    store.close()
    seen: list[str] = []
    store.open()
    found = AuditFilter(workspace_id=WORKSPACE, since=5, until=9, after=ids.time_id(7, 7), limit=3, **where)
    with sqlite3.connect(tmp_path / "traces.db") as connection:
        store._rows = lambda sql, values: (
            [  # type: ignore[method-assign]
                *(seen.append(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            ]
            and []
        )
        store.audit(found)
    connection.close()
    store.close()
    (plan,) = seen
    assert f"USING {index}" in plan or f"USING INDEX {index}" in plan
    assert "workspace_id=?" in plan
    assert "id<?" in plan


class Broken(MemoryStore):
    """Defects of stores, each as one method."""


def _defect(name: str, **methods: Any) -> type[MemoryStore]:
    return type(name, (Broken,), methods)


def _unsorted(self: MemoryStore, where: AuditFilter) -> list[AuditRow]:
    return sorted(MemoryStore.audit(self, where), key=lambda note: note.created_at)


def _without(*names: str) -> Any:
    return lambda self, where: MemoryStore.audit(self, replace(where, **dict.fromkeys(names)))


def _foreign_audit(self: MemoryStore, where: AuditFilter) -> list[AuditRow]:
    return sorted(self._tables.audit.values(), key=lambda note: note.id, reverse=True)


def _late_until(self: MemoryStore, where: AuditFilter) -> list[AuditRow]:
    return MemoryStore.audit(self, replace(where, until=None if where.until is None else where.until + 1))


def _own_key_only(self: MemoryStore, key_id: str) -> ApiKeyRow | None:
    found = MemoryStore.key(self, key_id)
    return found if found is None or found.workspace_id == WORKSPACE else None


def _add_over(self: MemoryStore, row: ApiKeyRow) -> None:
    self._usable().keys[row.id] = row


def _revoke_again(self: MemoryStore, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
    found = MemoryStore.revoke_key(self, workspace_id, key_id, at=at)
    if found is not None:
        self._tables.keys[key_id] = found = replace(found, revoked_at=at)
    return found


def _revoke_anybodys(self: MemoryStore, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
    found = MemoryStore.key(self, key_id)
    return None if found is None else MemoryStore.revoke_key(self, found.workspace_id, key_id, at=at)


def _forget_uses(self: MemoryStore, batch: Batch) -> None:
    batch.keys_used.clear()
    MemoryStore.write(self, batch)


def _set_uses(self: MemoryStore, batch: Batch) -> None:
    MemoryStore.write(self, batch)
    for (_, key_id), time in batch.keys_used.items():
        if key_id in self._tables.keys:
            self._tables.keys[key_id] = replace(self._tables.keys[key_id], last_used_at=time)


def _write_over(self: MemoryStore, batch: Batch) -> None:
    MemoryStore.write(self, batch)
    self._tables.audit.update(batch.audit)


def _oldest_keys(self: MemoryStore, workspace_id: bytes) -> list[ApiKeyRow]:
    return MemoryStore.keys(self, workspace_id)[::-1]


MUTANTS = [
    _defect("NotesOldestFirst", audit=_unsorted),
    _defect("NotesOfEveryone", audit=_foreign_audit),
    _defect("UserIgnored", audit=_without("user_id")),
    _defect("ActionIgnored", audit=_without("action")),
    _defect("KeyIgnored", audit=_without("key_id")),
    _defect("SinceIgnored", audit=_without("since")),
    _defect("AfterIgnored", audit=_without("after")),
    _defect("LimitIgnored", audit=_without("limit")),
    _defect("UntilIncluded", audit=_late_until),
    _defect("NotesChange", write=_write_over),
    _defect("KeysOfOneWorkspaceOnly", key=_own_key_only),
    _defect("KeysReplaced", add_key=_add_over),
    _defect("KeysOldestFirst", keys=_oldest_keys),
    _defect("RevokedAgain", revoke_key=_revoke_again),
    _defect("RevokedByAnybody", revoke_key=_revoke_anybodys),
    _defect("UsesForgotten", write=_forget_uses),
    _defect("UsesMoveBack", write=_set_uses),
]


def _failures(make: type[MemoryStore]) -> list[str]:
    failed: list[str] = []
    for name in [name for name in dir(AccessPromises) if name.startswith("test_")]:
        store = make(clock=StandingClock())
        store.open()
        try:
            getattr(AccessPromises(), name)(store)
        except (AssertionError, ValueError, IndexError, StoreRejected, pytest.fail.Exception):
            failed.append(name)
    return failed


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_suite_catches_a_store_with_this_defect(mutant: type[MemoryStore]) -> None:
    """At least one of its tests fails."""
    assert _failures(mutant) != []


def test_the_suite_passes_a_store_without_defects() -> None:
    """So what it catches above is the defect."""
    assert _failures(Broken) == []
