"""A RUN record becomes the same row in C and in Python, or the same error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.model.rows import RUN_FIELDS, RunRow
from agenttrace.model.wire import EVENT, NO_PARENT, OPEN, REMOTE, RUN, RunRecord, write_run
from agenttrace.store import runs
from agenttrace.store.batch import Batch
from agenttrace.store.runs import Found, read_row, read_row_in_python

PROCESS = b"process-process-"

#: A program in which the compiled rows cannot be loaded at first, as where it has too many files open.
LATE = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name == "agenttrace.model._rows":
            sys.meta_path.remove(self)
            raise ImportError("cannot open shared object file: Too many open files")

sys.meta_path.insert(0, Refusing())
from agenttrace import AgentTrace

with AgentTrace("memory://") as trace:
    with trace.tool_call("x"):
        pass
    print([run.name for run in trace.query.runs()], trace.stats().dead_letters)
"""

_times = st.one_of(
    st.integers(-(1 << 63) + 1, (1 << 63) - 1), st.integers(0, 1 << 52), st.sampled_from([0, runs.LAST_TIME])
)
_numbers = st.one_of(st.integers(0, (1 << 64) - 1), st.integers(0, 1 << 41))
_values = st.one_of(st.none(), st.text(max_size=6), st.integers(-9, 9))
_envelopes = st.fixed_dictionaries(
    {"type": st.sampled_from(["master", "prompt", ""]), "name": st.text(max_size=8)},
    optional={
        "scope": st.dictionaries(st.sampled_from(["workspace_id", "session_id", "ai_contact_id", "user_id"]), _values),
        "attributes": st.dictionaries(st.sampled_from(["widget_id", "placement_id", "x"]), _values),
        "error": st.fixed_dictionaries({"message": st.text(max_size=3000)}),
        "prompt_type": _values,
        "source": _values,
        "provider": _values,
        "service": _values,
        "via": st.one_of(st.just("00000000000000a1"), _values),
    },
)
_contents = st.one_of(
    st.just(b""),
    st.binary(max_size=30).map(lambda data: b'{"input":"' + data.replace(b"\n", b"") + b'"}'),
    st.text(max_size=300).map(lambda text: orjson.dumps({"output": text})),
)


@st.composite
def _payloads(draw: st.DrawFn) -> bytes:
    span = draw(st.binary(min_size=8, max_size=8))
    trace = draw(
        st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8).map(bytes(8).__add__))
    )
    return write_run(
        RunRecord(
            trace=trace[:16],  # of some tracers 64 bits, behind zeros
            span=span,
            parent=draw(st.one_of(st.none(), st.just(span), st.binary(min_size=8, max_size=8))),
            start=draw(_times),
            end=draw(st.one_of(st.none(), _times)),
            turn=draw(_times),
            seq=draw(_numbers),
            end_seq=draw(_numbers),
            revision=draw(st.integers(0, (1 << 32) - 1)),
            rank=draw(st.integers(1, 4)),
            status=draw(st.sampled_from(["pending", "running", "success", "failed"])),
            flags=draw(st.integers(0, 3)),
            envelope=orjson.dumps(draw(_envelopes)),
            content=draw(_contents),
        )
    )


def told(read: Callable[[bytes, bytes, int], Found], payload: Any) -> Any:
    try:
        row, scope, flags = read(payload, PROCESS, 9)
    except Exception as error:
        return type(error), str(error)
    return row, {type(getattr(row, name)) for name in RUN_FIELDS}, scope, flags


@given(_payloads())
def test_both_ways_give_the_same_row(payload: bytes) -> None:
    """Whatever the record says: extreme times, no parent or oneself, odd UTF-8, envelopes that are not remembered."""
    found = told(read_row, payload)
    assert found == told(read_row_in_python, payload)
    assert isinstance(found[0], RunRow)


@given(_payloads(), st.data())
@example(b"", None)
@example(bytes(80), None)
@example(bytes(80) + b"{\n", None)
@example(bytes(76) + b"\x01\x09\0\0{\n", None)
@example(bytes(76) + b"\x05\x01\0\0{\n", None)
def test_both_ways_refuse_the_same(payload: bytes, data: st.DataObject | None) -> None:
    """Records that were cut, or of which some bytes are others."""
    if data is not None:
        payload = payload[: data.draw(st.integers(0, len(payload)))]
        for _ in range(data.draw(st.integers(0, 3)) if payload else 0):
            place = data.draw(st.integers(0, len(payload) - 1))
            payload = payload[:place] + data.draw(st.binary(min_size=1, max_size=1)) + payload[place + 1 :]
    assert told(read_row, payload) == told(read_row_in_python, payload)


def test_what_is_no_payload_is_refused() -> None:
    """By both ways alike."""
    for odd in (None, "text", 5):
        assert told(read_row, odd) == told(read_row_in_python, odd)


def test_the_compiled_way_is_used_where_there_is_a_compiler() -> None:
    assert runs.NATIVE or shutil.which("cc") is None


def test_rows_in_python_are_made_in_python() -> None:
    """What is compiled makes none of them, though it can be loaded by then: all records would be dead letters."""
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True)
    assert done.stdout == "['x'] 0\n"


@pytest.mark.parametrize("read", [read_row, read_row_in_python])
def test_a_failing_envelope_is_the_callers_to_hear_of(read: Callable[[bytes, bytes, int], Found]) -> None:
    """Each time again: a failure is not remembered."""
    record = RunRecord(bytes(16), b"span-id.", None, 1, None, 1, 1, 0, 0, 1, "running", 0, b'{"type":1}', b"")
    assert (bytes(8), -(1 << 63)) == (NO_PARENT, OPEN)
    for _ in range(2):
        with pytest.raises(KeyError, match="name"):
            read(write_run(record), PROCESS, 9)


@st.composite
def _records(draw: st.DrawFn) -> list[tuple[int, Any]]:
    """Return records of runs, some of them twice or damaged, and others among them."""
    payloads = draw(st.lists(_payloads(), max_size=4))
    flawed = [payload[: draw(st.integers(0, 90))] for payload in payloads]
    # Without flags, most are of the kind that goes the quick way.
    plain = [payload[:78] + b"\0\0" + payload[80:] for payload in payloads]
    pool = [*((RUN, payload) for payload in (*payloads, *plain, *plain, *flawed)), (EVENT, b"{}"), (99, b"x")]
    return draw(st.lists(st.sampled_from(pool), max_size=12))


def _added(records: list[tuple[int, Any]], needless: set[int], batch: Batch, *, many: bool) -> list[int]:
    """Add records, as `journal.delivery` does or one by one, and return the places of those that are not understood."""
    bad: list[int] = []
    here = 0
    while here < len(records):
        if many:
            here = batch.add_runs(records, here, len(records), needless, process_id=PROCESS, now=9)
        if here < len(records) and here not in needless:
            try:
                batch.add(*records[here], process_id=PROCESS, now=9)
            except ValueError:
                bad.append(here)
        here += 1
    return bad


@given(_records(), st.sets(st.integers(0, 12)))
def test_many_at_a_time_make_the_batch_that_one_by_one_makes(
    records: list[tuple[int, Any]], needless: set[int]
) -> None:
    """The same rows in the same order, the same sessions since the same time, and the same records refused."""
    one, other = Batch(), Batch()
    assert _added(records, needless, one, many=True) == _added(records, needless, other, many=False)
    assert list(one.runs.items()) == list(other.runs.items())
    assert (one._scopes, one.spread) == (other._scopes, other.spread)


@pytest.mark.skipif(not runs.NATIVE, reason="built without a compiler")
def test_plain_runs_are_added_at_once_up_to_what_is_not_plain() -> None:
    """A flag, another kind, or a second version of the run end it; what is needless is passed over."""

    def payload(number: int, flags: int = 0) -> bytes:
        ids, numbers = (bytes(16), b"span-%03d" % number, None), (1, None, 1, 1, 0, 0, 1)
        return write_run(RunRecord(*ids, *numbers, "running", flags, b'{"type":"a","name":"b"}', b""))

    good = [(RUN, payload(number)) for number in range(5)]
    flagged = (RUN, payload(5, REMOTE))
    for odd in (flagged, (EVENT, good[4][1]), good[0], (RUN, None), None, (RUN,), (1 << 70, good[4][1])):
        batch = Batch()
        records: Any = [*good[:4], odd, good[4]]
        assert batch.add_runs(records, 0, 6, {1}, process_id=PROCESS, now=9) == 4
        assert [run.span_id for run in batch.runs.values()] == [b"span-000", b"span-002", b"span-003"]
        assert batch.add_runs(records, 0, 6, {0, 1, 2, 3, 4}, process_id=PROCESS, now=9) == 6
        assert batch.add_runs(records, 5, 5, set(), process_id=PROCESS, now=9) == 5


@pytest.mark.skipif(not runs.NATIVE, reason="built without a compiler")
def test_records_may_go_while_an_envelope_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is being added is held; and nothing is read of those that are no longer there."""
    ids, numbers, envelope = (bytes(16), b"span-id.", None), (1, None, 1, 1, 0, 0, 1), b'{"type":"a","name":"gone"}'
    records = [
        (RUN, write_run(RunRecord(*ids, *numbers, "running", 0, envelope, b'{"input":"' + b"x" * 9000 + b'"}')))
    ] * 2

    def emptying(text: bytes) -> Any:
        records.clear()
        return orjson.loads(text)

    monkeypatch.setattr(runs, "orjson", SimpleNamespace(loads=emptying, dumps=orjson.dumps))
    batch = Batch()
    assert batch.add_runs(records, 0, 2, set(), process_id=PROCESS, now=9) == 1
    assert [(run.name, len(run.content or "")) for run in batch.runs.values()] == [("gone", 9012)]


@pytest.mark.skipif(not runs.NATIVE, reason="built without a compiler")
def test_the_compiled_way_says_what_it_takes() -> None:
    """It is called by nobody else, and does not crash whatever it is given."""
    odd: Any = runs.add_rows
    right = [[], 0, 0, set(), PROCESS, 9, {}, {}]
    assert odd(*right) == 0
    for place in (0, 3, 6, 7):
        with pytest.raises(TypeError, match="add: takes"):
            odd(*right[:place], None, *right[place + 1 :])
    with pytest.raises(TypeError, match="add: takes"):
        odd(*right[:-1])
    for first, end in ((0, 1), (-1, 0)):
        with pytest.raises(ValueError, match="add: these"):
            odd([], first, end, *right[3:])
    with pytest.raises(TypeError):
        odd([], "a", 0, *right[3:])


@pytest.mark.skipif(not runs.NATIVE, reason="built without a compiler")
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupt_goes_on(end: type[BaseException]) -> None:
    """A drainer reads in its main thread, where signal handlers raise; what a record is at fault for is met again."""
    from agenttrace.model import _rows

    def interrupted(_text: bytes) -> Any:
        raise end

    payload = write_run(RunRecord(bytes(16), b"span-id.", *(None, 1, None, 1, 1, 0, 0, 1), "running", 0, b"{}", b""))
    rest: Any = (RunRow, ("pending", "running"), [(RUN, payload)], 0, 1, set(), PROCESS, 9, {}, {})
    if end is ValueError:
        assert _rows.add(interrupted, interrupted, *rest) == 0
        return
    with pytest.raises(end):
        _rows.add(interrupted, interrupted, *rest)
