"""Several processes on one store: real ones, where the store allows that."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import importlib.util
import inspect
import itertools
import multiprocessing
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agenttrace.testing.records import TRACE, run_record, run_uuid
from agenttrace.testing.suite.base import StandingClock, StoreSuite, all_runs, roots, shown, write
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from agenttrace.store.protocol import Store

__all__ = ["ProcessPromises"]

_SECONDS = 60  # after which a process that says nothing is taken to hang
_BATCHES = 12
_TURN = 5  # runs


class ProcessPromises(StoreSuite):
    """Processes are spawned, make the store as this class does, and tell what they did over a pipe."""

    @proves("store.processes")
    def test_several_processes_write_and_read_at_once(self, store: Store, tmp_path: Path) -> None:
        """Nothing is lost, no call fails, and every read sees whole batches, here and there."""
        self.needs("processes", "store.processes")
        children = [self._spawn(tmp_path, number, _BATCHES) for number in (1, 2)]
        try:
            for step in range(_BATCHES):
                write_turn(store, 0, step)
                assert len(all_runs(store)) % _TURN == 0
            told = [_hear(pipe) for _, pipe in children for _ in range(_BATCHES + 1)]
        finally:
            _end(children)
        assert [answer for answer in told if isinstance(answer, str)] == []
        assert {count % _TURN for count in told} == {0}
        assert len(all_runs(store)) == 3 * _BATCHES * _TURN
        turns = itertools.product(range(3), range(_BATCHES))
        assert roots(store) == {run_uuid(_first(*turn), _trace(*turn)) for turn in turns}
        assert len(shown(store, "ase_all", types=["tool_input"])) == 3 * _BATCHES * (_TURN - 1)

    @proves("store.killed")
    def test_a_process_that_is_killed_leaves_whole_batches(self, store: Store, tmp_path: Path) -> None:
        """What its `write` returned for is there, the rest is whole or absent, and nobody waits for it."""
        self.needs("processes", "store.killed")
        child = self._spawn(tmp_path, 1, 1_000_000)
        try:
            told = [_hear(child[1]) for _ in range(4)]
            assert [answer for answer in told if isinstance(answer, str)] == []
            child[0].kill()
            child[0].join(_SECONDS)
        finally:
            _end([child])
        found = all_runs(store)
        assert len(found) % _TURN == 0
        assert len(found) >= 4 * _TURN
        write_turn(store, 2, 0)
        assert len(all_runs(store)) == len(found) + _TURN
        assert len(roots(store)) == len(found) // _TURN + 1

    def _spawn(self, tmp_path: Path, number: int, batches: int) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        suite = type(self)
        made = (inspect.getfile(suite), suite.__module__, suite.__qualname__, dict(vars(self)))
        process = context.Process(target=write_turns, args=(*made, tmp_path, number, batches, theirs), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def write_turns(
    file: str,
    module: str,
    name: str,
    state: dict[str, Any],
    tmp_path: Path,
    number: int,
    batches: int,
    pipe: Connection,
) -> None:
    """Make the suite's store in this process and write turns; tell after each how many runs there are."""
    try:
        store = _suite(file, module, name, state).make_store(tmp_path, StandingClock())
        store.open()
        for step in range(batches):
            write_turn(store, number, step)
            pipe.send(len(all_runs(store)) if step < _BATCHES else 0)
        store.close()
        pipe.send(0)
    except BrokenPipeError:
        return
    except BaseException:
        pipe.send(traceback.format_exc())
        raise


def write_turn(store: Store, number: int, step: int) -> None:
    """Write a turn's runs as one batch."""
    scope, trace, first = {"session_id": "ase_all"}, _trace(number, step), _first(number, step)
    children = (
        run_record(span, parent=first, trace=trace, scope=scope, end=2_000_000)
        for span in range(first + 1, first + _TURN)
    )
    write(store, *children, run_record(first, run_type="master", trace=trace, scope=scope, content={"input": "hi"}))


def _first(number: int, step: int) -> int:
    return (number * 1_000_000 + step) * _TURN + 1


def _trace(number: int, step: int) -> int:
    return TRACE + ((number * 1_000_000 + step) << 80)


def _suite(file: str, module: str, name: str, state: dict[str, Any]) -> StoreSuite:
    """Return the suite of a file, which pytest may have imported under a name that other processes cannot import."""
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file}: no Python file")
    loaded = sys.modules[module] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    suite: Any = loaded
    for part in name.split("."):
        suite = getattr(suite, part)
    made: StoreSuite = object.__new__(suite)
    made.__dict__.update(state)
    return made


def _hear(pipe: Connection) -> int | str:
    assert pipe.poll(_SECONDS), "a process says nothing"
    answer: int | str = pipe.recv()
    return answer


def _end(children: list[tuple[BaseProcess, Connection]]) -> None:
    for process, pipe in children:
        process.join(5)
        if process.exitcode is None:
            process.kill()
        process.join(_SECONDS)
        pipe.close()
