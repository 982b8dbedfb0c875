"""Makers: decorators and context managers for every run type, and registrations."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from agenttrace.errors import ConfigurationError
from agenttrace.record.makers import Makers
from agenttrace.record.span import Span
from tests.record.recording import DECORATORS, Recording, decorator

ALL = (*DECORATORS, "custom_step")
OUTPUT = {"context": "documents", "prompt": "llm_response"}
INPUT = {"context": "query", "prompt": "full_prompt"}


def maker(make: Makers, kind: str) -> Any:
    """Return a span of this run type with a name."""
    return make.span(kind, "step") if kind == "custom_step" else getattr(make, kind)("step")


@pytest.mark.parametrize("kind", DECORATORS)
def test_every_maker_decorates_bare(recording: Recording, kind: str) -> None:
    """A bare maker makes each call a run of its type, named after the function."""

    @decorator(recording.make, kind)
    def shout(word: str) -> str:
        return word.upper()

    assert shout("hi") == "HI"
    run = recording.run("shout")
    assert (run.type, run.status, run.content[OUTPUT.get(kind, "output")]) == (kind, "success", "HI")


@pytest.mark.parametrize("kind", DECORATORS)
def test_every_maker_decorates_with_arguments(recording: Recording, kind: str) -> None:
    """A maker with settings decorates as well; the first argument is the run's name."""

    @getattr(recording.make, kind)("loud")
    def shout(word: str) -> str:
        return word.upper()

    assert shout("hi") == "HI"
    assert recording.run().name == "loud"
    assert recording.run().type == kind


@pytest.mark.parametrize("kind", DECORATORS)
async def test_every_maker_decorates_async_functions(recording: Recording, kind: str) -> None:
    """An async function is recorded from its first step to its last."""

    @decorator(recording.make, kind, ignore=("word",))
    async def shout(word: str) -> str:
        return word.upper()

    assert await shout("hi") == "HI"
    run = recording.run("shout")
    assert (run.type, run.status, run.content[OUTPUT.get(kind, "output")]) == (kind, "success", "HI")


def test_span_decorates_with_its_run_type(recording: Recording) -> None:
    """`span("plan")` is a decorator too."""

    @recording.make.span("plan")
    def outline() -> int:
        return 3

    assert outline() == 3
    assert (recording.run().type, recording.run().name) == ("plan", "outline")


@pytest.mark.parametrize("kind", ALL)
def test_every_maker_is_a_context_manager(recording: Recording, kind: str) -> None:
    """A `with` block is one run, running inside and ended after it."""
    with maker(recording.make, kind) as span:
        assert recording.run().status == "running"
        span.output = "out"
    run = recording.run()
    assert (run.type, run.name, run.status) == (kind, "step", "success")
    assert run.content[OUTPUT.get(kind, "output")] == "out"


@pytest.mark.parametrize("kind", ALL)
async def test_every_maker_is_an_async_context_manager(recording: Recording, kind: str) -> None:
    """An `async with` block is one run."""
    async with maker(recording.make, kind) as span:
        span.output = "out"
        assert recording.run().status == "running"
    assert (recording.run().type, recording.run().status) == (kind, "success")


@pytest.mark.parametrize("kind", ALL)
async def test_an_exception_leaves_every_block_as_it_came(recording: Recording, kind: str) -> None:
    """The exception that leaves a block is the very one that was raised, and the run's error."""
    raised = ValueError("broken")
    with pytest.raises(ValueError) as caught, maker(recording.make, kind):
        raise raised
    assert caught.value is raised
    with pytest.raises(ValueError) as caught:
        async with maker(recording.make, kind):
            raise raised
    assert caught.value is raised
    assert [run.status for run in recording.runs()] == ["failed", "failed"]
    assert all((run.error or {})["message"] == "broken" for run in recording.runs())


def test_one_decorator_makes_a_span_for_each_call(recording: Recording) -> None:
    """A maker's settings may decorate several functions; every call is a run of its own."""
    tool = recording.make.tool_call(tool_configuration="strict")

    @tool
    def first() -> int:
        return 1

    @tool
    def second() -> int:
        return 2

    assert [first(), second(), first()] == [1, 2, 1]
    assert [run.name for run in recording.runs()] == ["first", "second", "first"]
    assert len({run.span_id for run in recording.runs()}) == 3
    assert all(run.content["tool_configuration"] == "strict" for run in recording.runs())


def test_a_run_without_a_name_has_its_types(make: Makers, recording: Recording) -> None:
    """A block without a name is called like its run type."""
    with make.tool_call():
        pass
    assert recording.run().name == "tool_call"


def test_a_prompt_is_named_by_its_prompt_type(make: Makers, recording: Recording) -> None:
    """A prompt's type is its name too, in the record's envelope and in its content."""
    with make.prompt("engage_user"):
        pass
    run = recording.run("engage_user")
    assert run.envelope["prompt_type"] == "engage_user"
    assert run.content["prompt_type"] == "engage_user"


def test_a_decorated_prompt_has_its_functions_name_as_type(make: Makers, recording: Recording) -> None:
    """A bare `@prompt` takes the function's name as prompt type."""

    @make.prompt
    def engage_user() -> str:
        return "hello"

    engage_user()
    assert recording.run().envelope["prompt_type"] == "engage_user"


def test_a_prompt_keeps_what_it_was_given(make: Makers, recording: Recording) -> None:
    """All keywords of a prompt are content, the model and the tools under their documented names."""
    with make.prompt(
        "engage_user",
        model="gpt-5",
        system_prompt="Be kind.",
        history=[{"role": "user", "content": "hi"}],
        full_prompt="Be kind. hi",
        tools=[{"name": "search"}, "lookup"],
        turn_index=0,
        state_name="greeting",
        action="reply",
        provider="openai",
    ):
        pass
    run = recording.run()
    assert run.content == {
        "prompt_type": "engage_user",
        "turn_index": 0,
        "system_prompt": "Be kind.",
        "history": [{"role": "user", "content": "hi"}],
        "full_prompt": "Be kind. hi",
        "llm_model": "gpt-5",
        "state_name": "greeting",
        "action": "reply",
        "tool_names": ["search", "lookup"],
    }
    assert (run.envelope["state_name"], run.envelope["provider"]) == ("greeting", "openai")


def test_other_makers_keep_what_they_were_given(make: Makers, recording: Recording) -> None:
    """Each maker's keywords are the content keys of its run type."""
    with make.master("turn", input="q"):
        with make.tool_call("tool", input={"k": 1}, tool_call_id="call_1", tool_configuration="strict"):
            pass
        with make.context("retrieve", query="q"):
            pass
        with make.predefined_behaviour("greet", trigger="first_message", input="hi"):
            pass
        with make.span("plan", "outline", input=[1]):
            pass
        with make.span("context", "again", input="q"):
            pass
    assert {run.name: run.content for run in recording.runs()} == {
        "turn": {"input": "q"},
        "tool": {"input": {"k": 1}, "tool_call_id": "call_1", "tool_configuration": "strict"},
        "retrieve": {"query": "q"},
        "greet": {"trigger": "first_message", "input": "hi"},
        "outline": {"input": [1]},
        "again": {"query": "q"},
    }


def test_falsy_values_are_values(make: Makers, recording: Recording) -> None:
    """Zero, an empty text and False are recorded; only what was not given is left out."""
    for value in (0, "", False, []):
        with make.master("turn", input=value):
            pass
    assert [run.content["input"] for run in recording.runs()] == [0, "", False, []]


@pytest.mark.parametrize(
    ("given", "word"),
    [("plan", "plan"), ("Plan B", "plan_b"), ("send-mail", "send_mail"), ("?!", "span"), ("a\ud800", "a_ud800")],
)
def test_run_types_become_lower_snake_case(make: Makers, recording: Recording, given: str, word: str) -> None:
    """Whatever text is given as run type, the recorded one is a lower_snake_case word."""
    with make.span(given, "step"):
        pass
    assert recording.run().type == word


def test_a_name_may_hold_anything(make: Makers, recording: Recording) -> None:
    """Newlines, quotes, lone surrogates and NUL in a name do not break the record."""
    with make.tool_call('a\n"b"\ud800\0é'):
        pass
    assert recording.run().name == 'a\n"b"\\ud800\0é'
    assert recording.run().status == "success"


def test_ids_of_a_master_are_those_of_what_happens_in_it(make: Makers, recording: Recording) -> None:
    """A master's ids and attributes are inherited by what is started inside, and not by what comes after."""
    session = uuid.uuid4()
    with (
        make.master("turn", agent_key="agt_x", session_id=session, attributes={"widget_id": "w1"}),
        make.tool_call("inner"),
    ):
        pass
    with make.tool_call("after"):
        pass
    for run in recording.runs()[:2]:
        assert run.scope == {"agent_key": "agt_x", "session_id": str(session)}
        assert run.attributes == {"widget_id": "w1"}
    assert recording.run("after").scope == {}
    assert recording.run("after").attributes == {}


def test_attributes_alone_are_enough_for_a_master(make: Makers, recording: Recording) -> None:
    """A master with attributes and no ids records the attributes."""
    with make.master("turn", attributes={"widget_id": "w1"}):
        pass
    assert recording.run().attributes == {"widget_id": "w1"}


@pytest.mark.parametrize("kind", DECORATORS)
def test_unknown_keywords_are_refused(make: Makers, kind: str) -> None:
    """A misspelt keyword is a TypeError where the maker is used, not a silent loss."""
    with pytest.raises(TypeError, match="sesion_id"):
        getattr(make, kind)("x", sesion_id="s")


@pytest.mark.parametrize("kind", DECORATORS)
def test_a_name_is_text_or_a_function(make: Makers, kind: str) -> None:
    """Anything else as first argument is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="name: must be"):
        getattr(make, kind)(42)


def test_classes_cannot_be_decorated(make: Makers) -> None:
    """Decorating a class is refused: its instances would no longer be of a class."""

    class Tool:
        pass

    with pytest.raises(ConfigurationError, match="only functions and methods"):
        make.tool_call(Tool)
    with pytest.raises(ConfigurationError, match="only functions and methods"):
        make.tool_call("x")(3)  # type: ignore[arg-type]


def test_registrations_exist_before_the_first_run(make: Makers, recording: Recording) -> None:
    """A contact, a session with its ids and an agent with its name are records of their own."""
    with make.scope(workspace_id="ws", user_id="somebody else"):
        make.register_contact("c1")
        make.register_session("s1", agent_key="agt_x", user_id="u", team_id="t", conversation_id="v", call_sid="CA1")
        make.register_agent("agt_x", "Helper")
        make.register_contact("c2", workspace_id="other")
    contact, session, agent, other = recording.entities()
    assert (contact["entity"], contact["id"], contact["scope"]) == ("contact", "c1", {"workspace_id": "ws"})
    assert (session["entity"], session["id"]) == ("session", "s1")
    assert session["scope"] == {
        "workspace_id": "ws",
        "agent_key": "agt_x",
        "session_id": "s1",
        "conversation_id": "v",
        "call_sid": "CA1",
        "user_id": "u",
        "team_id": "t",
    }
    assert (agent["entity"], agent["id"], agent["name"]) == ("agent", "agt_x", "Helper")
    assert other["scope"] == {"workspace_id": "other"}
    assert contact["time"] == recording.recorder.now()


@pytest.mark.parametrize("identity", ["", None])
def test_nobody_is_registered_without_an_id(identity: Any, recording: Recording) -> None:
    """The record would be refused by every store; the program goes on, and the error is counted."""
    recording.recorder.strict = False
    for kind in ("contact", "session", "agent"):
        getattr(recording.make, f"register_{kind}")(identity)
    assert recording.records == []
    assert sum(recording.recorder.errors.values()) == 3


def test_registered_ids_may_be_uuids_and_odd_texts(make: Makers, recording: Recording) -> None:
    """A UUID becomes its text; lone surrogates are escaped; a secret in a display name is redacted."""
    contact = uuid.uuid4()
    make.register_contact(contact)
    make.register_contact("a\ud800")
    make.register_agent("agt_x", "a\ud800")
    make.register_agent("agt_y", "password=hunter22222")
    assert [entity["id"] for entity in recording.entities()] == [str(contact), "a\\ud800", "agt_x", "agt_y"]
    assert "hunter22222" not in recording.entities()[3]["name"]


def test_nothing_is_registered_while_switched_off() -> None:
    """A recorder that is switched off takes no registrations."""
    recording = Recording(enabled=False)
    recording.make.register_agent("agt_x")
    assert recording.records == []


def test_a_span_that_is_switched_off_stands_for_a_span() -> None:
    """It is one for who asks, keeps nothing but what is read back, and lets exceptions through."""
    recording = Recording(enabled=False)
    with recording.make.tool_call("look", input={"q": 1}) as call:
        call.output = "found"
        call.thinking("hm")
        call.set_attribute("k", 1)
    assert isinstance(call, Span)
    assert call
    assert (call.output, call.span_id, call.is_recording()) == ("found", "0" * 16, False)
    with pytest.raises(KeyError), recording.make.context("look", query="?"):
        raise KeyError
    call.start().end()
    assert recording.records == []


def test_what_was_decorated_while_switched_off_records_once_it_is_on() -> None:
    """With the name and the values that it was given."""
    recording = Recording(enabled=False)

    @recording.make.tool_call("look", tool_configuration="fast")
    def function(q: int) -> int:
        return q

    assert function(1) == 1
    assert recording.records == []
    recording.recorder.enabled = True
    assert function(2) == 2
    (run,) = recording.runs()
    assert (run.name, run.content["tool_configuration"]) == ("look", "fast")


async def test_a_span_that_is_switched_off_is_an_async_block() -> None:
    """As a real one is."""
    recording = Recording(enabled=False)
    async with recording.make.master("turn") as turn:
        turn.output = 1
    assert recording.records == []
