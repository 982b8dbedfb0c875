"""The run logs as JSON text: for any stored rows it says what the models say."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from query_rows import CONTACT, run_row
from query_shelf import Shelf

from agenttrace.query.reader import Query

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(["input", "output", "tool_name", "prompt_type", "query", "own", "usage"])
_DEEP = json.dumps({"input": json.loads("[" * 230 + "]" * 230)})
_CONTENT = (
    st.none()
    | st.dictionaries(_KEYS, _VALUES, max_size=4).map(json.dumps)
    | st.dictionaries(_KEYS, _VALUES, max_size=3).map(lambda value: " " + json.dumps(value, indent=1))
    | st.sampled_from(["", "{", "null", "[]", "5", '{"a": NaN}', '{"a": "\\ud800"}', "\udcff{}", _DEEP])
)
_ERROR = st.none() | st.sampled_from(['{"type":"E","message":"m","stack":null}', "null", "{", '{"more": [1]}'])
_RUNS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["master", "tool_call", "context", "prompt", "predefined_behaviour", 'odd "type"']),
        st.sampled_from(["name", 'a "quoted" name', "\u2028", ""]),
        _CONTENT,
        _ERROR,
        st.integers(-5, 5) | st.sampled_from([10**6, 1_705_314_900_000_000, 1_705_314_900_123_000]),
        st.none() | st.integers(0, 10**15),
        st.booleans(),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=150, deadline=None)
@given(runs=_RUNS)
def test_the_text_parses_to_what_the_models_dump(runs: list[Any]) -> None:
    """Content, completed and folded; errors; times; contacts; order; unreadable text as null. Also a second time."""
    rows = []
    for place, (up, kind, name, content, error, start, end, own) in enumerate(runs):
        parent = up % place + 1 if place and up else None
        fields: dict[str, Any] = {"content": content, "error": error, "start_time": start, "end_time": end}
        contact = CONTACT.bytes if own or parent is None else None
        rows.append(run_row(place + 1, parent, run_type=kind, name=name, ai_contact_id=contact, **fields))
    query = Query(Shelf(run_rows=rows, contacts={(rows[0].workspace_id, CONTACT.bytes)}))
    expected = json.loads(query.run_logs(ai_contact_id=CONTACT).model_dump_json(by_alias=True))
    for _ in range(2):
        count, text = query.run_logs_text(ai_contact_id=CONTACT)
        assert count == len(expected["run_logs"])
        assert json.loads("".join(text)) == expected
