"""Two workspaces with the same ids: what is read and changed in one leaves the other as it was."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from agenttrace.model import ids
from agenttrace.store.protocol import PurgeFilter
from agenttrace.testing.records import entity_record, run_record
from agenttrace.testing.suite.base import OTHER, WORKSPACE, StandingClock, StoreSuite
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import (
    HOUR,
    api_key,
    first_part,
    sample_batch,
    scope_of,
    second_part,
    snapshot,
    trace_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.store.protocol import Store

__all__ = ["TenantPromises"]

_THERE = ids.workspace_id(OTHER)
_NEVER = ids.workspace_id("33333333-3333-4333-8333-333333333333")


class TenantPromises(StoreSuite):
    """Whoever chooses the ids of another workspace reaches nothing of it."""

    @proves("store.tenants")
    def test_every_read_is_of_its_workspace(self, store: Store) -> None:
        """Both have the same ids in every table; a third has nothing."""
        nothing = snapshot(store, 1)
        _write_both(store)
        for workspace in (WORKSPACE, _THERE):
            told = snapshot(store, 1, workspace)
            assert told.keys() == nothing.keys()
            silent = [what for what, value in told.items() if value == nothing[what]]
            assert silent == ([] if workspace == WORKSPACE else ["keys"])
            assert _workspaces(told) == {workspace}
            said = {name for name in (None, OTHER) if f"hello from {name}" in repr(told)}
            assert said == ({None} if workspace == WORKSPACE else {OTHER})
        assert snapshot(store, 1, _NEVER) == nothing

    @proves("store.tenants")
    def test_every_write_is_to_its_workspace(self, store: Store, clock: StandingClock) -> None:
        """New versions, events, resets, revoked keys: the other's rows stay as they are."""
        _write_both(store)
        clock.time = 2 * HOUR
        scope = scope_of(1)
        turn: dict[str, Any] = {"trace": trace_of(1), "start": HOUR, "scope": {**scope, "workspace_id": OTHER}}
        changes: list[Callable[[], object]] = [
            lambda: store.write(sample_batch(run_record(1, run_type="master", end=9 * HOUR, rev=7, name="x", **turn))),
            lambda: store.write(sample_batch(run_record(9, parent=3, seq=99, **turn))),
            lambda: store.write(
                sample_batch(run_record(2, parent=1, seq=3, rev=9, **(turn | {"scope": turn["scope"]})))
            ),
            lambda: store.revoke_key(_THERE, "key1", at=5),
            lambda: store.reset(_THERE, team_id=scope["team_id"], user_id=scope["user_id"]),
        ]
        before = snapshot(store, 1, WORKSPACE)
        for change in changes:
            change()
            assert snapshot(store, 1, WORKSPACE) == before
        assert snapshot(store, 1, _THERE)["events"] == []

    @proves("runs.workspaces")
    def test_workspaces_that_have_runs_are_listed(self, store: Store) -> None:
        """Each once, ascending; what is no run, or is gone for good, makes none."""
        assert store.workspaces() == []
        here = str(ids.DEFAULT_WORKSPACE)
        store.write(sample_batch(entity_record("agent", "a", scope={"workspace_id": str(UUID(int=5))})))
        for span in (1, 2):
            texts = [OTHER, here, str(UUID(int=(1 << 128) - 1)), str(UUID(int=0))]
            store.write(sample_batch(*(run_record(span, scope={"workspace_id": text}) for text in texts)))
        found = store.workspaces()
        assert found == sorted([_THERE, WORKSPACE, b"\xff" * 16, bytes(16)])
        while store.purge(PurgeFilter(workspace_id=_THERE, before=HOUR)).after is not None:
            pass
        assert store.workspaces() == [one for one in found if one != _THERE]


def _write_both(store: Store) -> None:
    store.add_key(api_key("key1"))
    store.write(sample_batch(*first_part(1), *first_part(1, OTHER)))
    store.write(sample_batch(*second_part(1, OTHER)))
    store.write(sample_batch(*second_part(1)))


def _workspaces(told: dict[str, Any]) -> set[bytes]:
    values = list(told.values())
    rows: list[Any] = [row for value in values if type(value) is list for row in cast("list[Any]", value)]
    return {row.workspace_id for row in rows if hasattr(row, "workspace_id")}
