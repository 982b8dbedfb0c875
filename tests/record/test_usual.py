"""The usual way of a span, compiled and in Python, writes what the steps of `emission` write."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.errors import InternalError
from agenttrace.record import calls, emission, makers, span, state, usual
from agenttrace.record.span import current
from tests.record.recording import Recording

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("Bearer " + "aB3" * 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "role", "password"]), inner),
    max_leaves=6,
)
#: What happens inside a span: (what, a value, whether an exception leaves the block).
STEP = st.tuples(
    st.sampled_from(
        [
            "tool",
            "prompt",
            "context",
            "master",
            "span",
            "decorated",
            "scope",
            "late",
            "output",
            "usage",
            "set",
            "end",
            "pending",
            "thinking",
            "waits",
            "secret name",
        ]
    ),
    VALUES,
    st.booleans(),
)
PROGRAM = st.recursive(
    st.lists(st.tuples(STEP, st.just([])), max_size=3),
    lambda below: st.lists(st.tuples(STEP, below), max_size=3),
    max_leaves=12,
)


class _LeftError(Exception):
    """Leaves a block."""


def _refuses(*_: Any) -> bool:
    return False


def _opened_step_by_step(kind: Any, recorder: Any, options: Any, values: Any = None) -> Any:
    made = kind(recorder, options)
    for key, value in (values or {}).items():
        if value is not None and value is not makers.UNSET:
            made._set(key, value)
    return made


WAYS: dict[str, tuple[Callable[..., Any], ...]] = {
    "step by step": (_opened_step_by_step, _refuses, _refuses, _refuses),
    "in Python": (usual.opened_in_python, usual.fill_in_python, usual.begin_in_python, usual.end_in_python),
    "the best": (emission.opened, emission.fill, emission.begin, emission.end),
}


@contextmanager
def going(way: str) -> Iterator[None]:
    """Let spans go this way."""
    with pytest.MonkeyPatch.context() as patch:
        for name, function in zip(("opened", "fill", "begin", "end"), WAYS[way], strict=True):
            for module in (calls, makers, span):
                if hasattr(module, name):
                    patch.setattr(module, name, function)
        if way != "the best":
            for name, method in vars(makers.Makers).copy().items():
                if hasattr(method, "__wrapped__"):
                    patch.setattr(makers.Makers, name, method.__wrapped__)
            patch.setattr(span.Span, "__enter__", span.Span._enter_block)
            patch.setattr(span.Span, "__exit__", span.Span._exit_block)
        yield


def _act(recording: Recording, step: tuple[str, Any, bool], below: Any) -> None:
    make, (what, value, fails) = recording.make, step
    recording.clock.advance(0.001)
    inside = current()
    blocks: dict[str, Callable[[], Any]] = {
        "tool": lambda: make.tool_call("search", input=value, tool_call_id="7"),
        "prompt": lambda: make.prompt("ask", turn_index=3, history=value, model="m", state_name="s"),
        "context": lambda: make.context("find", query=value),
        "master": lambda: make.master("answer", input=value, session_id="one"),
        "span": lambda: make.span("plan", input=value),
        "scope": lambda: make.scope(user_id="u"),
        "late": lambda: make.scope(conversation_id="c"),
        "waits": lambda: make.tool_call("approve", input=value).pending(),
        "secret name": lambda: make.span("plan", "sk-proj-" + "aB3" * 9),
    }
    if what in blocks:
        with blocks[what]() as opened:
            for each in below:
                _act(recording, *each)
            if what == "tool":
                opened.output = value
            if fails:
                raise _LeftError
    elif what == "decorated":

        @make.tool_call
        def work(given: Any) -> Any:
            for each in below:
                _act(recording, *each)
            if fails:
                raise _LeftError
            return given

        work(value)
    elif what == "output":
        inside.output = value
    elif what == "usage":
        inside.usage(input_tokens=5, cost=0.25)
    elif what == "set":
        inside.set("state_name", "other")
    elif what == "end":
        inside.end(output=value)
    elif what == "pending":
        inside.pending()
    else:
        inside.thinking("hm")


def _recorded(program: Any, way: str) -> list[Any]:
    recording = Recording()
    recording.capture_with(limit=300)
    with going(way):
        for each in program:
            with suppress(_LeftError):
                _act(recording, *each)
    return recording.records


@given(PROGRAM)
@settings(max_examples=60, deadline=None)
def test_all_ways_write_the_same_records(program: Any) -> None:
    """Whatever happens in whichever order, kind by kind and byte by byte but for the stack of an error."""
    first, *others = [_recorded(program, way) for way in WAYS]
    for other in others:
        assert [(kind, _without_stack(payload)) for kind, payload in other] == [
            (kind, _without_stack(payload)) for kind, payload in first
        ]


def _without_stack(payload: bytes) -> bytes:
    head, found, rest = payload.partition(b',"stack":')
    return head + rest.partition(b"}")[2] if found else payload


@pytest.mark.parametrize("way", WAYS)
def test_a_usual_span_goes_each_way(way: str, recording: Recording) -> None:
    """A root with a child and values: two versions each, the child below the root."""
    with going(way), recording.make.master("answer", input="hi") as root:
        with recording.make.tool_call("search", input={"q": 1}) as child:
            child.output = [1]
        root.output = "ho"
    assert recording.tree() == [("answer", [("search", [])])]
    assert [run.content for run in recording.runs()] == [
        {"input": "hi", "output": "ho"},
        {"input": {"q": 1}, "output": [1]},
    ]
    assert len(recording.versions()) == 4


@pytest.mark.parametrize("way", WAYS)
def test_the_program_reads_back_what_it_gave(way: str, recording: Recording) -> None:
    """The very objects, as given to the maker or set."""
    asked, found = {"q": "x"}, ["y"]
    with going(way), recording.make.tool_call("search", input=asked) as call:
        call.output = found
        assert call.input is asked
        assert call.output is found


@pytest.mark.parametrize("way", WAYS)
def test_a_usual_span_decorates_with_its_values(way: str, recording: Recording) -> None:
    """What a maker was given holds for every call of what it decorates."""

    @recording.make.tool_call("search", input="fixed")
    def search(query: str) -> str:
        return query

    with going(way):
        search("a")
        search("b")
    assert [run.content for run in recording.runs()] == [
        {"input": "fixed", "output": "a"},
        {"input": "fixed", "output": "b"},
    ]


def test_what_is_recorded_is_as_it_was_when_it_was_given(recording: Recording) -> None:
    """A later change of a value changes no record."""
    history = [{"role": "user", "content": "hi"}]
    with recording.make.prompt("ask", history=history) as prompt:
        history[0]["content"] = "changed"
        history.append({"role": "user", "content": "more"})
        prompt.response = answer = ["x"]
        answer.clear()
    assert recording.run().content["history"] == [{"role": "user", "content": "hi"}]
    assert recording.run().content["llm_response"] == ["x"]


def test_names_are_remembered_up_to_a_bound(recording: Recording) -> None:
    """A program that names every span differently keeps no memory of them all."""
    for number in range(3000):
        recording.make.tool_call(f"tool {number}")
    assert 0 < len(recording.recorder.options) <= 1024


def test_another_redaction_forgets_the_names(recording: Recording) -> None:
    """What was harmless may be no more."""
    with recording.make.tool_call("tool"):
        pass
    recording.capture_with(lambda _key, text: text.replace("tool", "thing"))
    with recording.make.tool_call("tool"):
        pass
    assert [run.name for run in recording.runs()] == ["tool", "thing"]


@pytest.mark.parametrize("way", WAYS)
def test_a_defect_at_either_end_leaves_the_context_as_it_was(way: str, recording: Recording) -> None:
    """Where defects raise, as under test, and where they do not."""

    def broken(_kind: int, _payload: bytes) -> None:
        raise OSError("no journal")

    make, recorder = recording.make, recording.recorder
    with going(way):
        with pytest.raises(InternalError), make.span("plan"):
            recorder.append = broken
        assert current() is span.NOOP
        recorder.strict = False
        with make.span("plan") as plan:
            assert plan.is_recording()
        assert current() is span.NOOP
    assert recorder.internal_errors > 1


@pytest.mark.parametrize("function", [emission.begin, emission.end])
def test_what_is_no_span_is_an_error(function: Callable[[Any], bool]) -> None:
    """Nothing is read where no field is."""
    for wrong in (object(), span.Span.__new__(span.Span)):
        with pytest.raises((TypeError, AttributeError)):
            function(wrong)


def test_the_compiled_way_is_there_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost every span some microseconds."""
    assert state.NATIVE or shutil.which("cc") is None
