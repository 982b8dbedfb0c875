"""The shuffle test: records of random trees, in any order, in any batches, twice, some starts missing; the same trees.

Trees grow over several threads, processes and sessions. What the program did is noted as it does it, and compared with
what a store gives back.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import random
import tempfile
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace import extract, inject, wrap
from agenttrace.model import ids
from agenttrace.model.versions import RANK_START
from agenttrace.model.wire import RUN, read_run
from agenttrace.query.reader import Query
from agenttrace.record.makers import Makers
from agenttrace.record.recorder import Recorder
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import EventFilter, Store
from agenttrace.store.sqlite import SQLiteStore

NOW = 1_750_000_000_000_000_000
SESSIONS = ("ase_one", "ase_two", "ase_three")
CONTACT = "3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11"
OUTPUTS = {"context": "documents", "prompt": "llm_response"}

#: One record of one process.
Sent = tuple[bytes, int, bytes]


@dataclass
class Step:
    """One span of the program: which maker, in which thread or process it runs, how it ends, what happens inside."""

    kind: str
    place: str  # here, thread, process
    ends: str  # success, failed, open
    thinks: bool
    process: int
    inner: list[Step]


def _steps(inner: st.SearchStrategy[list[Step]]) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        kind=st.sampled_from(["master", "tool_call", "tool_call", "context", "prompt"]),
        place=st.sampled_from(["here", "here", "here", "thread", "process"]),
        ends=st.sampled_from(["success", "success", "success", "failed", "open"]),
        thinks=st.booleans(),
        process=st.integers(0, 2),
        inner=inner,
    )
    return st.lists(step, min_size=1, max_size=3)


PROGRAMS = st.lists(
    st.tuples(st.sampled_from(SESSIONS), st.recursive(_steps(st.just([])), _steps, max_leaves=4)),
    min_size=1,
    max_size=3,
)


@dataclass
class Known:
    """What the program knows of one of its runs."""

    id: str
    name: str
    kind: str
    status: str
    content: Any
    session: str
    children: list[Known] = field(default_factory=list)

    def as_tree(self) -> Any:
        below = sorted((child.as_tree() for child in self.children), key=lambda tree: tree[0])
        return self.id, self.name, self.kind, self.status, self.content, below


class World:
    """Three processes on one clock, which moves with every look at it; what they record lands in one list."""

    def __init__(self) -> None:
        self.records: list[Sent] = []
        self.events: dict[str, list[tuple[str, str]]] = {session: [] for session in SESSIONS}
        ticks = itertools.count(NOW, 1_000_000)
        self.makers = [self._process(bytes([number]) * 16, ticks) for number in range(3)]
        self._names = itertools.count()

    def _process(self, process: bytes, ticks: Any) -> Makers:
        recorder = Recorder()
        recorder.append = lambda kind, payload: self.records.append((process, kind, payload))
        recorder.clock = ticks.__next__
        recorder.strict = recorder.enabled = True
        return Makers(recorder)

    def run(self, program: list[tuple[str, list[Step]]]) -> list[Known]:
        roots: list[Known] = []
        for session, steps in program:
            for step in steps:
                make = self.makers[step.process]
                with make.scope(session_id=session, ai_contact_id=CONTACT, agent_key="support"):
                    roots.append(self._step(make, step, session))
        return roots

    def _elsewhere(self, make: Makers, step: Step, session: str) -> Known:
        """Run a step inside another, where it wants to be run."""
        if step.place == "here":
            return self._step(make, step, session)
        found: list[Known] = []
        if step.place == "thread":
            thread = threading.Thread(target=wrap(lambda: found.append(self._step(make, step, session))))
            thread.start()
            thread.join()
        else:
            headers = inject({})

            def remote() -> None:
                with extract(headers):
                    found.append(self._step(self.makers[step.process], step, session))

            contextvars.Context().run(remote)
        return found[0]

    def _step(self, make: Makers, step: Step, session: str) -> Known:
        name = f"{step.kind}-{next(self._names)}"
        told = self.events[session]
        block = make.context(name, query=name) if step.kind == "context" else self._block(make, step.kind, name)
        with contextlib.suppress(RuntimeError), contextlib.ExitStack() as stack:
            span: Any = stack.enter_context(block)
            known = Known(span.run_id, name, step.kind, "running", None, session)
            if step.kind in ("master", "tool_call"):
                told.append(("input_message" if step.kind == "master" else "tool_input", known.id))
            if step.thinks:
                span.thinking(name)
                told.append(("thinking", known.id))
            known.children = [self._elsewhere(make, inner, session) for inner in step.inner]
            if step.ends == "open":
                stack.pop_all()
                block.leave()
                return known
            known.content = name[::-1]
            span.output = known.content
            known.status = step.ends
            if step.kind in ("master", "tool_call"):
                told.append(("agent_output" if step.kind == "master" else "tool_output", known.id))
            if step.ends == "failed":
                raise RuntimeError(name)
        return known

    @staticmethod
    def _block(make: Makers, kind: str, name: str) -> Any:
        return make.prompt(name, model="m") if kind == "prompt" else getattr(make, kind)(name, input=name)


def delivered(records: list[Sent], rng: random.Random) -> list[Sent]:
    """Return the records twice, in any order, without the starts of some of the runs that ended."""
    runs = [(record, read_run(record[2])) for record in records if record[1] == RUN]
    ended = {(run.trace, run.span) for _, run in runs if run.end is not None}
    missing = {
        record
        for record, run in runs
        if run.rank == RANK_START and (run.trace, run.span) in ended and rng.random() < 0.3
    }
    sent = [record for record in records if record not in missing] * 2
    rng.shuffle(sent)
    return sent


def deliver(store: Store, sent: list[Sent], rng: random.Random) -> None:
    """Write the records in batches of random sizes."""
    while sent:
        size = rng.choice([1, 2, 5, 20, 100])
        batch = Batch()
        for process, kind, payload in sent[:size]:
            batch.add(kind, payload, process_id=process, now=NOW // 1000)
        store.write(batch)
        sent = sent[size:]


def check(store: Store, world: World, roots: list[Known]) -> None:
    """Assert that the store has the trees as they were recorded, and the events of each session in their order."""
    query = Query(store)
    runs = list(query.runs())
    assert [key for key, times in Counter(run.id for run in runs).items() if times > 1] == []
    trees = {str(run.id): run for run in runs}
    assert {str(run.id) for run in query.runs(roots_only=True)} == {root.id for root in roots}
    for root in roots:
        assert as_tree(query.trace(root.id)) == root.as_tree()
    logs = query.run_logs(ai_contact_id=CONTACT, page_size=100)
    assert [str(log.id) for log in logs.run_logs] == [root.id for root in reversed(roots)]
    assert sum(1 for log in logs.run_logs for _ in log.walk()) == len(trees) == count(roots)
    for session in SESSIONS:
        check_events(store, world, session)


def count(roots: list[Known]) -> int:
    return len(roots) + sum(count(root.children) for root in roots)


def as_tree(run: Any) -> Any:
    content = run.content or {}
    kept = content.get(OUTPUTS.get(run.run_type, "output"))
    below = sorted((as_tree(child) for child in run.children), key=lambda tree: tree[0])
    return str(run.id), run.name, run.run_type, run.status, kept, below


def check_events(store: Store, world: World, session: str) -> None:
    workspace = ids.DEFAULT_WORKSPACE.bytes
    kinds = ("input_message", "thinking", "tool_input", "tool_output", "agent_output")
    where = EventFilter(workspace_id=workspace, session_id=ids.session_id(workspace, session), types=kinds)
    found = [(event.type, str(uuid.UUID(bytes=event.run_id))) for event in store.events(where)]
    assert found == world.events[session]


@pytest.mark.parametrize("make_store", [MemoryStore, SQLiteStore])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=PROGRAMS, seed=st.integers(0, 2**32))
def test_shuffled_records_give_the_same_trees(make_store: Any, program: Any, seed: int) -> None:
    """Nothing is lost, nothing is twice, statuses, contents and events are those that were recorded."""
    rng = random.Random(seed)
    world = World()
    roots = world.run(program)
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "traces.db") if make_store is SQLiteStore else MemoryStore()
        store.open()
        deliver(store, delivered(world.records, rng), rng)
        check(store, world, roots)
        store.close()


def test_the_harness_notices_a_lost_record() -> None:
    """Of a call inside a turn, the end of either is missed."""
    call = Step("tool_call", "process", "success", thinks=False, process=1, inner=[])
    world = World()
    roots = world.run([(SESSIONS[0], [Step("master", "here", "success", thinks=True, process=0, inner=[call])])])
    ends = [record for record in world.records if record[1] == RUN and read_run(record[2]).end is not None]
    assert len(ends) == 2
    for lost in ends:
        store = MemoryStore()
        store.open()
        deliver(store, [record for record in world.records if record != lost], random.Random(1))
        with pytest.raises(AssertionError):
            check(store, world, roots)
