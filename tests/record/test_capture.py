"""Capture turns anything into JSON and never raises."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import threading
import types
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.record import capture
from agenttrace.record.capture import to_json
from agenttrace.record.marks import cut
from agenttrace.record.walk import MAX_DEPTH, MAX_ITEMS

plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=8)
    | st.binary(max_size=8)
    | st.decimals()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.complex_numbers()
    | st.just(object()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text() | st.none() | st.tuples(st.integers()), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(plain_json)
@settings(max_examples=200)
def test_plain_json_values_come_back_equal(value: Any) -> None:
    """What was plain JSON is plain JSON, one line of it."""
    data = to_json(value)
    assert b"\n" not in data
    assert json.loads(data) == value


@given(anything)
@settings(max_examples=200)
def test_anything_becomes_json(value: Any) -> None:
    """Any nesting of odd values is valid JSON, with no NaN and no newline in it."""
    data = to_json(value)
    assert b"\n" not in data
    json.loads(data, parse_constant=pytest.fail)


@dataclasses.dataclass
class Point:
    x: float
    y: float | None = None
    _hidden: int = 0


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class Model(pydantic.BaseModel):
    name: str
    weight: float = 1.0
    extra: Any = None


class Text(str):
    __slots__ = ()


class Named(NamedTuple):
    first: Any
    second: Any


class Silent:
    pass


class Loud:
    def __repr__(self) -> str:
        return "Loud(" + "word " * 1000 + ")"


class Struct:
    __struct_fields__ = ("a",)

    def __init__(self) -> None:
        self.a = 1


class Attrs:
    __attrs_attrs__ = (types.SimpleNamespace(name="a"), types.SimpleNamespace(name="unset"))

    def __init__(self) -> None:
        self.a = {1}


def generator() -> Any:
    yield 1


HERE = __name__


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Point(1.0), {"x": 1.0, "y": None}),
        (Point(math.nan, math.inf), {"x": "<NaN>", "y": "<Infinity>"}),
        ([Point(1.0), {2}], [{"x": 1.0, "y": None}, [2]]),
        (-math.inf, "<-Infinity>"),
        ([None, math.nan], [None, "<NaN>"]),
        ({"a": {"b": math.nan, "c": None}}, {"a": {"b": "<NaN>", "c": None}}),
        (Colour.RED, "red"),
        (Colour.PAIR, [1, 2]),
        ({Colour.RED: 1, Level.HIGH: 2}, {"red": 1, "3": 2}),
        (Level.HIGH, 3),
        (Text("t"), "t"),
        ([Text("t"), {0}], ["t", [0]]),
        (Named(1, {2}), {"first": 1, "second": [2]}),
        ({3, 1, 2}, [1, 2, 3]),
        (collections.deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.OrderedDict(a={1}), {"a": [1]}),
        (Model(name="n"), {"name": "n", "weight": 1.0, "extra": None}),
        ([Model(name="n", weight=math.nan)], [{"name": "n", "weight": "<NaN>", "extra": None}]),
        (Model(name="n", extra=2j), {"name": "n", "weight": 1.0, "extra": "2j"}),
        (Struct(), {"a": 1}),
        (Attrs(), {"a": [1]}),
        (decimal.Decimal("1.10"), "1.10"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        (10**5000, "<int of 16610 bits>"),
        ("a\ud800b", "a\\ud800b"),
        ({"\ud800": "\x00"}, {"\\ud800": "\x00"}),
        ({1: "a", "1": "b", None: "c", 1.5: "e"}, {"1": "a", "<str 1>": "b", "null": "c", "1.5": "e"}),
        ({(1, 2): 0}, {"<tuple: (1, 2)>": 0}),
        ({dt.date(2026, 1, 2): 0}, {"2026-01-02": 0}),
        ({0: 1, "0": 2, "<str 0>": 3}, {"0": 1, "<str 0>": 2, "<str <str 0>>": 3}),
        (b"hello", "<bytes 5: b'hello'>"),
        (bytearray(b"\xff"), "<bytearray 1: b'\\xff'>"),
        (memoryview(b"ab"), "<memoryview 2: b'ab'>"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00Z"),
        ([dt.time(1, tzinfo=dt.UTC)], ["01:00:00Z"]),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (dt.timedelta(days=1), "<datetime.timedelta: datetime.timedelta(days=1)>"),
        (ValueError("no"), "<ValueError: no>"),
        (Silent(), f"<{HERE}.Silent>"),
        (object(), "<object>"),
        (Silent, f"<class {HERE}.Silent>"),
        (generator, f"<function {HERE}.generator>"),
        (json, "<module json>"),
        (len, "<function len>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_form_of(value: object, expected: object) -> None:
    """Each kind of value has one documented form."""
    assert json.loads(to_json(value)) == expected


def test_generators_are_not_consumed() -> None:
    """Capturing an iterator leaves it where it was."""
    values = generator()
    assert json.loads(to_json([values])) == ["<generator generator>"]
    numbers = iter([1, 2])
    to_json(numbers)
    assert list(values) == [1]
    assert list(numbers) == [1, 2]


def test_cycles_are_marked() -> None:
    """A container inside itself is marked; one that merely appears twice is not."""
    ring: list[Any] = [1]
    ring.append({"again": ring})
    twice = [0]
    assert json.loads(to_json(ring)) == [1, {"again": "<cycle>"}]
    assert json.loads(to_json([twice, twice, {1}])) == [[0], [0], [1]]


def test_depth_is_bounded() -> None:
    """What is nested too deeply for JSON encoders ends in a mark."""
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    text = to_json(deep).decode()
    assert "<depth limit>" in text
    assert text.count("[") == MAX_DEPTH
    while deep != "bottom":  # taking it apart by hand spares the interpreter's stack
        deep = deep[0]


def test_long_reprs_are_cut() -> None:
    """A huge repr is cut between words, to about 1,000 characters."""
    text = json.loads(to_json(Loud()))
    assert len(text) < 1100
    assert text.endswith("word …>")


def test_a_cut_leaves_no_head_of_a_token() -> None:
    """The token that a cut would split goes whole."""
    assert cut("see " + "k" * 40, 20) == "see …"
    assert cut("k" * 400, 200) == "k" * 200 + "…"
    assert cut("short", 20) == "short"


class Failing:
    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


class FailingModel:
    def __init__(self) -> None:
        self.field = 1

    def model_dump(self, **_: object) -> Any:
        raise ValueError("no dump")


class EndlessModel:
    def model_dump(self, **_: object) -> Any:
        return EndlessModel()


class Recursive:
    def __repr__(self) -> str:
        return repr(self)


def bad_type() -> object:
    """Return an object whose metaclass fails; not a module name, since doctest would look into it."""

    class BadMeta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

    class BadType(metaclass=BadMeta):
        pass

    return object.__new__(BadType)


class BadMapping(collections.UserDict[str, int]):
    def __getitem__(self, key: str) -> int:
        raise RuntimeError(key)


class BadZone(dt.tzinfo):
    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError

    def dst(self, when: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError

    def tzname(self, when: dt.datetime | None) -> str:
        raise RuntimeError


@dataclasses.dataclass(slots=True)
class Unset:
    seen: int = 1
    unset: int = dataclasses.field(init=False)


class BadEnum(enum.Enum):
    A = 1

    @property
    def value(self) -> int:
        raise RuntimeError


@dataclasses.dataclass
class Closed:
    field: int = 1

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_half_made_objects_show_what_they_have() -> None:
    """A field that was never set is absent; an enum shows its value whatever its class makes of it."""
    assert json.loads(to_json([Unset(), BadEnum.A])) == [{"seen": 1}, 1]


def test_with_no_stack_left_there_is_a_mark() -> None:
    """Near the recursion limit capture neither raises nor crashes."""

    def down() -> list[bytes]:
        try:
            return down()
        except RecursionError:
            return [to_json([Colour.RED, Point(1.0), Silent(), {1}, "plain"])]

    for data in down():
        json.loads(data)


FAILING: dict[str, Callable[[], object]] = {
    "attributes": Closed,
    "repr": Failing,
    "endless repr": Recursive,
    "metaclass": bad_type,
    "mapping": lambda: BadMapping(a=1),
    "endless model": EndlessModel,
    "time zone": lambda: dt.datetime(2026, 1, 1, tzinfo=BadZone()),
}


@pytest.mark.parametrize("kind", FAILING)
def test_objects_that_fail_are_marked(kind: str) -> None:
    """An object whose own code raises or recurses becomes a mark, and its neighbours stay."""
    value = FAILING[kind]()
    first, second, third = json.loads(to_json([1, value, "after"]))
    assert (first, third) == (1, "after")
    assert "<" in json.dumps(second)
    json.loads(to_json(value))


def test_a_model_that_cannot_dump_shows_its_fields() -> None:
    """Where `model_dump` fails, the fields are taken."""
    assert json.loads(to_json(FailingModel())) == {"field": 1}


class Interrupting:
    def __repr__(self) -> str:
        raise KeyboardInterrupt


def test_interrupts_pass() -> None:
    """KeyboardInterrupt is the program's, not ours."""
    with pytest.raises(KeyboardInterrupt):
        to_json(Interrupting())


class Vanishing:
    """Empties the containers that hold it, in the middle of their capture."""

    def __init__(self, *holders: Any) -> None:
        self.holders = holders

    def __repr__(self) -> str:
        for holder in self.holders:
            holder.clear()
        return "gone"


def test_containers_may_change_during_capture() -> None:
    """A container that is emptied while it is captured shows what it held before."""
    row: list[Any] = []
    table: dict[str, Any] = {}
    thing = Vanishing(row, table)
    row += [thing, *(f"text {i}" for i in range(1000))]
    table.update({"thing": thing, **{str(i): f"text {i}" for i in range(1000)}})
    assert json.loads(to_json([row, table]))[0][-1] == "text 999"
    assert row == []
    table.update({"thing": thing, "last": "kept"})
    assert json.loads(to_json(table))["last"] == "kept"


def test_threads_may_change_a_dict_during_capture() -> None:
    """While another thread adds and removes keys, every capture is whole JSON."""
    shared: dict[Any, Any] = {str(i): {i} for i in range(50)}
    stop = threading.Event()

    def change() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            shared[f"new {i % 97}"] = object()
            shared.pop(f"new {(i * 31) % 97}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert len(json.loads(to_json({"shared": shared}))["shared"]) >= 50
    finally:
        stop.set()
        thread.join()


def test_a_set_of_incomparable_things_is_a_list() -> None:
    """Sets sort where they can."""
    assert sorted(map(str, json.loads(to_json({1, "a"})))) == ["1", "a"]


class Array:
    """As much of a numpy array as capture looks at."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __array__(self) -> Any:
        return self

    def tobytes(self) -> bytes:
        return b""

    def tolist(self) -> Any:
        return self if self.items is None else self.items


def test_arrays_become_lists() -> None:
    """An array that orjson does not take becomes lists; one that gives no list becomes a mark."""
    assert json.loads(to_json(Array([[1.0, math.nan]]))) == [[1.0, "<NaN>"]]
    assert json.loads(to_json(Array(None))) == f"<{HERE}.Array>"


def test_a_model_that_dumps_itself_is_marked() -> None:
    """`model_dump` that returns its own object ends in a mark."""

    class Own:
        __slots__ = ()

        def model_dump(self, **_: object) -> Any:
            return self

    assert json.loads(to_json(Own())).startswith("<")


@dataclasses.dataclass
class Agent:
    """One of many that know each other, as agents with handoffs do."""

    name: str
    handoffs: list[Any]


def test_objects_that_know_each_other_take_no_time() -> None:
    """There are more paths through twenty of them than there is time: the rest becomes a mark."""
    agents = [Agent(f"agent {number}", []) for number in range(20)]
    for agent in agents:
        agent.handoffs.extend(agents)
    text = to_json(agents).decode()
    assert " more>" in text
    assert len(text) < 20 * MAX_ITEMS
    assert json.loads(text)[0]["name"] == "agent 0"


@pytest.mark.parametrize("leaf", [1, object()], ids=["plain", "other"])
@pytest.mark.parametrize("level", [lambda below: [below, below], lambda below: {"a": below, "b": below}])
def test_a_container_that_is_shared_again_and_again_takes_no_memory(leaf: Any, level: Callable[[Any], Any]) -> None:
    """A hundred levels of two references each would be more JSON than there are atoms."""
    value: Any = [leaf]
    for _ in range(100):
        value = level(value)
    text = to_json(value).decode()
    assert " more>" in text
    assert len(text) < 20 * MAX_ITEMS


def test_long_containers_are_written_whole_where_they_are_plain() -> None:
    """What is not plain is looked at up to a number of items; how many are missing is said."""
    count = MAX_ITEMS + 5
    assert json.loads(to_json([1] * count)) == [1] * count
    assert json.loads(to_json([*[1] * count, {2}])) == [*[1] * MAX_ITEMS, "<6 more>"]
    assert json.loads(to_json({**{str(n): n for n in range(count)}, "set": {2}}))["<6 more>"] is None


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ([{"a": "x", "b": ["y"]}] * 100_000, True),
        ([{str(n): n, "b": "x"} for n in range(100_000)], True),
        ([[["x"] * 1100] * 1100], False),
        ([["x"] * 1_200_000], True),
    ],
    ids=["shared, and few", "not shared", "shared, and many", "not shared, and many"],
)
def test_what_is_shared_is_written_whole_up_to_a_million_parts(value: list[Any], whole: bool) -> None:
    """Where nothing is shared there is no such bound: a program that holds the parts can hold their JSON."""
    text = to_json(value)
    assert (text == orjson.dumps(value)) is whole
    assert (b" more>" in text) is not whole


def test_rows_are_looked_at_once_for_what_they_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that they have in common are no containers."""
    looks = 0

    def opens(kind: type[Any]) -> bool:
        nonlocal looks
        looks += 1
        return kind in (dict, list)

    monkeypatch.setattr(capture, "_opens", opens)
    rows = [{"a": n, "b": "x"} for n in range(1000)]
    assert to_json(rows) == orjson.dumps(rows)
    assert looks == 3000
