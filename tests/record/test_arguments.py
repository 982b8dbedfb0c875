"""Arguments: read by parameter name, defaults included, without calling the function; secrets stay out."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.record.arguments import Arguments
from agenttrace.record.makers import Makers
from tests.record.recording import DECORATORS, Recording


def read(function: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Read a call's arguments."""
    return Arguments(function).read(args, kwargs)


def simple(a: Any, b: Any) -> None:
    pass


def rich(a: Any, /, b: Any = 2, *rest: Any, c: Any = 3, **more: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((1,), {}, {"a": 1, "b": 2, "c": 3}),
        ((1, 5), {}, {"a": 1, "b": 5, "c": 3}),
        ((1,), {"b": 5, "c": 6}, {"a": 1, "b": 5, "c": 6}),
        ((1, 5, 7, 8), {}, {"a": 1, "b": 5, "rest": (7, 8), "c": 3}),
        ((1,), {"x": 9}, {"a": 1, "b": 2, "c": 3, "x": 9}),
        ((1, None), {"c": None}, {"a": 1, "b": None, "c": None}),
    ],
)
def test_arguments_stand_under_their_parameters(args: Any, kwargs: Any, expected: Any) -> None:
    """Positional-only, keyword-only, surplus and left out arguments all find their names."""
    assert read(rich, *args, **kwargs) == expected


def test_the_plain_case_is_read_alike() -> None:
    """As many positional arguments as there are parameters; or the same ones by keyword."""
    assert read(simple, 1, 2) == read(simple, 1, b=2) == read(simple, b=2, a=1) == {"a": 1, "b": 2}


def test_a_call_that_does_not_fit_is_read_as_far_as_it_does() -> None:
    """Reading never raises; the function itself will."""
    assert read(simple, 1) == {"a": 1}
    assert read(simple, 1, 2, 3) == {"a": 1, "b": 2}
    assert read(simple, nothing=1) == {"nothing": 1}


def test_self_and_cls_are_left_out() -> None:
    """The first parameter is left out where it is called self or cls, and only there."""

    def method(self: Any, a: Any) -> None:
        pass

    def class_method(cls: Any, a: Any) -> None:
        pass

    def other(a: Any, self: Any) -> None:
        pass

    assert read(method, object(), 1) == {"a": 1}
    assert read(class_method, object(), a=1) == {"a": 1}
    assert read(other, 1, 2) == {"a": 1, "self": 2}


def test_ignored_parameters_are_left_out() -> None:
    """`ignore` names parameters, defaults and surplus ones included."""
    assert Arguments(rich, ("b", "c")).read((1,), {"x": 2}) == {"a": 1, "x": 2}
    assert Arguments(rich, ("rest",)).read((1, 2, 3), {}) == {"a": 1, "b": 2, "c": 3}
    assert Arguments(rich, ("x",)).read((1,), {"x": 2}) == {"a": 1, "b": 2, "c": 3}
    assert Arguments(simple, ("a", "unknown")).read((1, 2), {}) == {"b": 2}


def test_ignoring_the_surplus_keywords_leaves_all_of_them_out() -> None:
    """`ignore` may name the `**` parameter, which holds all surplus keywords."""
    assert Arguments(rich, ("more",)).read((1,), {"x": 2, "y": 3}) == {"a": 1, "b": 2, "c": 3}


def test_partials_bound_methods_and_builtins_have_arguments() -> None:
    """What `inspect` knows of a callable counts; without a signature everything is `args`."""
    assert read(functools.partial(rich, 1), 5) == {"b": 5, "c": 3}
    assert read(functools.partial(simple, b=2), 1) == {"a": 1, "b": 2}
    assert read([].append, "x") == {"object": "x"}
    assert read(max, 1, 2) == {"args": (1, 2)}


def test_defaults_are_those_of_the_definition() -> None:
    """A mutable default shows as it is at the call."""

    def grow(a: Any, seen: list[int] = []) -> None:  # noqa: B006
        seen.append(a)

    grow(1)
    assert read(grow, 2) == {"a": 2, "seen": [1]}


@given(
    st.lists(st.integers(), max_size=5),
    st.dictionaries(st.sampled_from(["b", "c", "x", "y"]), st.integers(), max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_reading_agrees_with_inspect(args: list[int], kwargs: dict[str, int]) -> None:
    """A call that fits is read as `inspect.signature().bind()` binds it."""
    try:
        bound = inspect.signature(rich).bind(*args, **kwargs)
    except TypeError:
        read(rich, *args, **kwargs)
        return
    bound.apply_defaults()
    expected = dict(bound.arguments)
    expected.update(expected.pop("more"))
    if not expected["rest"]:
        del expected["rest"]
    assert read(rich, *args, **kwargs) == expected


# -- as they are recorded ------------------------------------------------------------------------------------


def test_arguments_are_recorded_as_they_were_before_the_call(make: Makers, recording: Recording) -> None:
    """What the function does to its arguments does not show."""

    @make.tool_call
    def clear(items: list[int]) -> None:
        items.clear()

    clear([1, 2])
    assert recording.run().content["input"] == {"items": [1, 2]}


def test_all_arguments_are_recorded(make: Makers, recording: Recording) -> None:
    """Every kind of parameter is in the input."""
    make.tool_call(rich)(1, 5, 7, c=6, x=9)
    assert recording.run().content["input"] == {"a": 1, "b": 5, "rest": [7], "c": 6, "x": 9}


def test_ignore_takes_one_name_or_several(make: Makers, recording: Recording) -> None:
    """`ignore="a"` and `ignore=("a",)` are the same."""
    make.tool_call(ignore="a")(simple)(1, 2)
    make.tool_call(ignore=["a", "b"])(simple)(1, 2)
    assert [run.content["input"] for run in recording.runs()] == [{"b": 2}, {}]


def test_arguments_of_a_retrieval_are_its_query(make: Makers, recording: Recording) -> None:
    """The parameter `query`, or else the first one, is the query; the others are the input."""

    @make.context
    def by_name(k: int, query: str) -> None:
        pass

    @make.context
    def by_place(question: str, k: int = 3) -> None:
        pass

    by_name(1, "q")
    by_place("q")
    assert recording.run("by_name").content == {"query": "q", "input": {"k": 1}, "documents": None}
    assert recording.run("by_place").content == {"query": "q", "input": {"k": 3}, "documents": None}


def test_arguments_of_a_prompt_are_its_content(make: Makers, recording: Recording) -> None:
    """Parameters with the usual names are content keys, the others are the input."""

    @make.prompt
    def ask(model: str, messages: list[Any], tools: list[Any], temperature: float = 1.0) -> str:
        return "hi"

    ask("gpt-5", [{"role": "user"}], [{"type": "function", "function": {"name": "search"}}])
    content = recording.run().content
    assert content["llm_model"] == "gpt-5"
    assert content["history"] == [{"role": "user"}]
    assert content["tool_names"] == ["search"]
    assert content["input"] == {"temperature": 1.0}
    assert content["llm_response"] == "hi"


SECRET = "correct-horse-battery"


@pytest.mark.parametrize("kind", DECORATORS)
@pytest.mark.parametrize("name", ["password", "api_key", "access_token", "clientSecret"])
def test_secrets_are_known_by_the_parameters_name(recording: Recording, kind: str, name: str) -> None:
    """An argument whose parameter is named like a secret is not recorded, in no run type and no place."""
    namespace: dict[str, Any] = {}
    exec(f"def login({name}, user):\n    return user", namespace)  # noqa: S102
    login = getattr(recording.make, kind)(namespace["login"])
    login(SECRET, "ann")
    login(user="ann", **{name: SECRET})
    recorded = b"".join(payload for _, payload in recording.records)
    assert SECRET.encode() not in recorded
    assert b"REDACTED" in recorded


@pytest.mark.parametrize("kind", DECORATORS)
def test_secrets_are_known_in_what_is_passed_and_returned(recording: Recording, kind: str) -> None:
    """Secret keys and secret forms inside values are not recorded, going in, coming out or raised."""
    token = "sk-" + "a1B2c3D4e5F6" * 4

    @getattr(recording.make, kind)
    def call(headers: Any, text: str, *, fail: bool = False) -> Any:
        if fail:
            raise ValueError(f"refused {token}: password={SECRET}")
        return {"token": SECRET, "text": text}

    call({"Authorization": SECRET, "nested": [{"password": SECRET}]}, f"my key is {token}")
    with pytest.raises(ValueError):
        call(None, "", fail=True)
    recorded = b"".join(payload for _, payload in recording.records)
    assert SECRET.encode() not in recorded
    assert token.encode() not in recorded
    assert [run.status for run in recording.runs()] == ["success", "failed"]


def test_secrets_are_known_wherever_they_are_set(make: Makers, recording: Recording) -> None:
    """Attributes, payloads, events, errors and outputs are redacted as arguments are."""
    with make.master(
        "turn", input={"password": SECRET}, attributes={"api_key": SECRET, "a": {"password": SECRET}}
    ) as span:
        span.set("secret", SECRET)
        span.payload(token=SECRET)
        span.output = {"x": [{"api_key": SECRET}]}
        span.thinking(f"password={SECRET}")
        span.message({"password": SECRET})
        span.add_event("seen", {"password": SECRET})
        span.end(error={"type": "E", "message": f"password={SECRET}", "detail": {"password": SECRET}})
    with pytest.raises(ValueError), make.tool_call("tool"):
        raise ValueError(f"password={SECRET}")
    recorded = b"".join(payload for _, payload in recording.records)
    assert SECRET.encode() not in recorded
    assert len(recording.events()) == 3
    assert [run.status for run in recording.runs()] == ["failed", "failed"]


def test_flags_under_a_secret_name_stay(make: Makers, recording: Recording) -> None:
    """None and booleans tell nothing; they stay as attributes of any name."""
    with make.tool_call("tool") as span:
        span.set("password", None)
        span.set("api_key", True)
        span.set("token", 12345)
    assert recording.run().attributes == {"password": None, "api_key": True, "token": "[REDACTED]"}
