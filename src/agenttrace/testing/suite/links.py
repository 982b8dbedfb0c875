"""Prompts that have most of what they say in common: however a store keeps them, they come back whole."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model import ids
from agenttrace.store.protocol import PurgeFilter
from agenttrace.testing.records import batch_of, run_record, run_uuid
from agenttrace.testing.suite.base import OTHER, WORKSPACE, StoreSuite, all_runs, write
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["LinkPromises"]

_THERE = ids.workspace_id(OTHER)
_SYSTEM = "You are a helpful agent. " * 100
_TURNS = 6
#: Histories that look like what a store may put in place of one, or that are none.
_ODD: list[Any] = [
    {"@link": "00", "$ref": 1, "@transcript": [1, 2]},
    [{"@link": bytes(16).hex()}, "@link", None],
    "@transcript",
    ["x" * 500, {"role": "user", "content": None}, 1, 1.5, True, []],
    [{"content": "z" * 400, "role": "user"}, {"role": "user", "content": "z" * 400}],
    [[["deep"] * 3] * 30],
    "",
    {},
]


class LinkPromises(StoreSuite):
    """Content is what was written, to the letter."""

    @proves("links.whole")
    def test_prompts_of_a_conversation_come_back_to_the_letter(self, store: Store) -> None:
        """A history that grows turn by turn, read in every way that gives content."""
        batch = batch_of(*(_prompt(turn) for turn in range(1, _TURNS + 1)))
        written = {run.id: run.content for run in batch.runs.values()}
        store.write(batch)
        _assert_whole(store, written)
        write(store, *(_prompt(turn) for turn in range(1, _TURNS + 1)))
        _assert_whole(store, written)

    @proves("links.whole")
    def test_odd_histories_come_back_to_the_letter(self, store: Store) -> None:
        """What looks like a link and is none, texts that are no JSON, keys in any order and twice."""
        texts = [
            orjson.dumps({"system_prompt": _SYSTEM, "history": odd, "full_prompt": odd, "tools": odd}).decode()
            for odd in _ODD
        ]
        texts += [
            f'{{"history":[{{"role":"user","content":"{"y" * 600}"}}],"history":[],"system_prompt":"{_SYSTEM}"}}',
            f'{{ "system_prompt" : "{_SYSTEM}" , "history" : [ {{ "content" : "a" , "role" : "b" }} ] }}',
            f'{{"system_prompt":"{_SYSTEM}\\u0000\\ud800\\u00e9","history":[1e400,-0.0,{"9" * 40}]}}',
            f'{{"system_prompt":"{_SYSTEM}","history":[NaN',
        ]
        batch = batch_of(*(run_record(span, run_type="prompt", start=span) for span in range(1, len(texts) + 1)))
        written: dict[bytes, str | None] = {run_uuid(span): text for span, text in enumerate(texts, 1)}
        for run in batch.runs.values():
            run.content = written[run.id]
        store.write(batch)
        _assert_whole(store, written)

    @proves("links.whole")
    def test_a_prompt_that_changes_is_what_it_was_last(self, store: Store) -> None:
        """A greater version may have another history, or none."""
        write(store, _prompt(3), _prompt(4))
        changes: list[dict[str, Any]] = [{"system_prompt": _SYSTEM, "history": []}, {"llm_response": "x"}]
        for rev, content in enumerate(changes, 1):
            write(store, run_record(3, run_type="prompt", start=3, rev=rev, content=content))
            found = {run.id: run.content for run in all_runs(store)}
            assert found[run_uuid(3)] == orjson.dumps(content).decode()
            assert orjson.loads(found[run_uuid(4)] or "") == _content(4)

    @proves("links.tenants")
    def test_equal_prompts_of_two_workspaces_are_two(self, store: Store) -> None:
        """Reading, replacing, purging and collecting those of one leave the other's."""
        for workspace in (None, OTHER):
            write(store, *(_prompt(turn, workspace) for turn in range(1, _TURNS + 1)))
        here = {run.id: run.content for run in all_runs(store)}
        assert here == {run.id: run.content for run in all_runs(store, _THERE)}
        write(store, run_record(1, run_type="prompt", start=1, rev=5, scope={"user_id": "ann"}))
        _purge(store, PurgeFilter(workspace_id=WORKSPACE, user_id="ann"))
        _collect(store, workspace_id=WORKSPACE)
        assert all_runs(store) == []
        assert {run.id: run.content for run in all_runs(store, _THERE)} == here

    @proves("links.collect")
    def test_what_a_run_needs_is_never_collected(self, store: Store) -> None:
        """And what was collected can be written again, by the same store."""
        write(store, *(_prompt(turn) for turn in range(1, _TURNS + 1)))
        written = {run.id: run.content for run in all_runs(store)}
        _collect(store)
        _assert_whole(store, written)
        _purge(store, PurgeFilter(workspace_id=WORKSPACE, before=4))
        left = {key: text for key, text in written.items() if key in map(run_uuid, range(4, _TURNS + 1))}
        _collect(store)
        _assert_whole(store, left)
        _purge(store, PurgeFilter(workspace_id=WORKSPACE, before=1_000))
        _collect(store)
        assert all_runs(store) == []
        write(store, *(_prompt(turn) for turn in range(1, _TURNS + 1)))
        _assert_whole(store, written)


def _content(turn: int) -> dict[str, Any]:
    history = [
        {"role": "user" if n % 2 else "assistant", "content": f"message {n}: {'é' * 200}"} for n in range(turn * 2)
    ]
    return {
        "turn_index": turn,
        "system_prompt": _SYSTEM,
        "history": history,
        "tools": [{"name": "search", "parameters": {"z": 1, "a": 2}}] * 5,
        "llm_model": "m",
        "llm_response": f"answer {turn}",
    }


def _prompt(turn: int, workspace: str | None = None) -> Any:
    scope = {"user_id": "ann"} | ({"workspace_id": workspace} if workspace else {})
    return run_record(turn, run_type="prompt", start=turn, turn=turn, scope=scope, content=_content(turn))


def _assert_whole(store: Store, written: dict[bytes, str | None]) -> None:
    assert {run.id: run.content for run in all_runs(store)} == written
    key = next(iter(written))
    assert {row[0]: row[10] for row in store.tree_rows(WORKSPACE, [key])} == written
    trace = all_runs(store, limit=1)[0].trace_id
    assert {run.id: run.content for run in store.traces(WORKSPACE, [trace])} == written
    assert {run.id: run.content for run in all_runs(store, ids=list(written))} == written


def _collect(store: Store, **where: Any) -> None:
    """Collect whatever nothing needs now, however young."""
    after: bytes | None = b""
    for _ in range(1000):
        after = store.collect(older_than=0, after=after or b"", limit=3, **where).after
        if after is None:
            return
    raise AssertionError("collecting has no end")


def _purge(store: Store, where: PurgeFilter) -> None:
    after: bytes | None = b""
    for _ in range(1000):
        after = store.purge(where, after=after or b"").after
        if after is None:
            return
    raise AssertionError("the purge has no end")
