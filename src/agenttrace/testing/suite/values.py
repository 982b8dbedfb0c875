"""Odd values: texts and JSON that come back to the letter, instants at the edges, things that are very long or deep."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from agenttrace.errors import StoreRejected
from agenttrace.model import ids
from agenttrace.store.protocol import AuditFilter, RunFilter, SessionFilter
from agenttrace.testing.records import (
    TRACE,
    audit_record,
    batch_of,
    entity_record,
    event_record,
    log_record,
    run_record,
    run_uuid,
    span_record,
)
from agenttrace.testing.suite.base import SESSION, WORKSPACE, StoreSuite, all_runs, only_run, roots, shown, write
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import api_key

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["ValuePromises"]

_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b\x00",
    "\\u0000",
    "\\x00",
    "\x01\x1f\x7f\x80",
    "\r\n\t",
    "é",
    "e\u0301",
    "\u212b",
    "🦆👩\u200d👩\u200d👧",
    "\u202eevil",
    "\ufeff",
    "\uffff\U0010ffff",
    "'; DROP TABLE run; --",
    "%s ? :x {x} $1 \\N",
    "NULL",
    "null",
    "0x00",
    "1e400",
)

_JSON = (
    "{}",
    '{"input":null}',
    '{"input":NaN,"output":[Infinity,-Infinity]}',
    '{"input":1e400,"output":-0.0}',
    '{"input":12345678901234567890123456789,"output":0.1000000000000000055511151231257827}',
    '{"z":1,"a":2,"m":{"z":1,"a":2}}',
    '{"input":1,"input":2}',
    '{ "input" : [ 1 , 2 ] }',
    '{"input":"\\ud800","output":"\\udfff\\ud800"}',
    '{"input":"\\u0000","output":"\\u00e9"}',
    '{"":"","\\u0000":{"":[]}}',
    '{"input":[true,false,null,[],{},"",0]}',
    '{"input":' + "[" * 400 + "]" * 400 + "}",
    "[1]",
    '"text"',
    "not json",
    '{"input":"cut',
)

#: The last microsecond of the year 9999.
_LAST = 253_402_300_799_999_999
_INSTANTS = (0, 1, 999_999, 1_750_000_000_123_457, 4_102_444_800_000_001, 9_223_372_036_854_775, _LAST - 1, _LAST)


class ValuePromises(StoreSuite):
    """What people and programs put into a trace."""

    @proves("write.values")
    def test_every_text_comes_back_to_the_letter(self, store: Store) -> None:
        """In each column that holds a text of the user's, and it is found by it."""
        records = [
            run_record(
                number,
                name=text,
                start=number,
                prompt_type=text,
                state_name=text,
                attributes={"widget_id": text, "placement_id": text, "note": text},
                error={"type": text, "message": text, "stack": None},
                scope={"user_id": text, "team_id": text, "call_sid": text},
            )
            for number, text in enumerate(_TEXTS, 1)
        ]
        batch = batch_of(*records)
        written = sorted((replace(row) for row in batch.runs.values()), key=lambda row: -row.start_time)
        assert [row.name for row in reversed(written)] == list(_TEXTS)
        store.write(batch)
        assert all_runs(store) == written
        for number, text in enumerate(_TEXTS, 1):
            for name in ("name", "prompt_type", "state_name", "widget_id", "placement_id", "call_sid"):
                if text or name != "call_sid":
                    assert only_run(store, **cast("dict[str, Any]", {name: text})).id == run_uuid(number), (name, text)

    @proves("write.values")
    def test_texts_of_other_rows_come_back_to_the_letter(self, store: Store) -> None:
        """Sessions, agents, events, notes, keys, spans of others and logs."""
        texts = [text for text in _TEXTS if text]
        write(
            store,
            *(
                record
                for number, text in enumerate(texts, 1)
                for record in (
                    entity_record("session", f"ase_{number}", time=number, scope={"user_id": text, "team_id": text}),
                    entity_record("agent", f"a{number}", time=number, name=text),
                    event_record(number, time=number, content={"content": text}, scope={"session_id": SESSION}),
                    audit_record(number, time=number, user=text, key=text, role=text, request=text, action=text),
                    span_record(number, name=text, attributes={text: text}),
                    log_record(number, time=number, body=text, name=text),
                )
            ),
        )
        for number, text in enumerate(texts, 1):
            store.add_key(api_key(f"k{number}", name=text, user_id=text, role=text, created_at=number))
            assert [row.user_id for row in store.sessions(SessionFilter(workspace_id=WORKSPACE, user_id=text))] == [
                text
            ]
            assert [row.action for row in store.audit(AuditFilter(workspace_id=WORKSPACE, action=text))] == [text]
        keys = store.keys(WORKSPACE)
        assert [(key.name, key.user_id, key.role) for key in reversed(keys)] == [(text,) * 3 for text in texts]
        found = store.agents(WORKSPACE, [f"agt_a{number}" for number in range(1, len(texts) + 1)])
        assert {row.key: row.name for row in found} == {f"agt_a{number}": text for number, text in enumerate(texts, 1)}
        expected = batch_of(
            *(span_record(number, name=text, attributes={text: text}) for number, text in enumerate(texts, 1)),
            *(log_record(number, time=number, body=text, name=text) for number, text in enumerate(texts, 1)),
            *(event_record(number, time=number, content={"content": text}) for number, text in enumerate(texts, 1)),
        )
        trace = TRACE.to_bytes(16, "big")
        assert [row.data for row in store.spans(WORKSPACE, trace)] == [row.data for row in expected.spans.values()]
        assert [row.data for row in store.logs(WORKSPACE, trace)] == [row.data for row in expected.logs.values()]
        assert [row.data for row in shown(store)] == [row.data for row in expected.events.values()]

    @proves("write.values")
    def test_every_json_text_comes_back_to_the_letter(self, store: Store) -> None:
        """Key order, spaces, numbers of any length, NaN, lone surrogates, and what is no JSON at all."""
        types = ("prompt", "master", "tool_call")
        batch = batch_of(
            *(
                run_record(number, run_type=types[number % 3], start=number, scope={"session_id": SESSION})
                for number in range(1, len(_JSON) * 3 + 1)
            ),
            *(event_record(number, time=number) for number in range(1, len(_JSON) + 1)),
        )
        texts = {run_uuid(number): _JSON[(number - 1) // 3] for number in range(1, len(_JSON) * 3 + 1)}
        for row in batch.runs.values():
            row.content = row.error = row.attributes = texts[row.id]
        for row, text in zip(batch.events.values(), _JSON, strict=True):
            row.data = text
        store.write(batch)
        for row in all_runs(store):
            assert (row.content, row.error, row.attributes) == (texts[row.id],) * 3
        trees = {row[0]: row[10:12] for row in store.tree_rows(WORKSPACE, [run_uuid(1)])}
        assert trees == {key: (text, text) for key, text in texts.items()}
        assert [event.data for event in shown(store, types=["thinking"])] == list(_JSON)
        assert len(store.run_figures(RunFilter(workspace_id=WORKSPACE))) == len(texts)

    @proves("write.values")
    def test_text_that_is_no_unicode_comes_back_or_is_rejected(self, store: Store) -> None:
        """No record can bring a lone surrogate but as an escape in JSON; a row may, and the store goes on."""
        batch = batch_of(run_record(1))
        batch.runs[WORKSPACE, run_uuid(1)].name = "\ud800"
        try:
            store.write(batch)
        except StoreRejected:
            assert all_runs(store) == []
        else:
            assert only_run(store).name == "\ud800"
        write(store, run_record(2, name="next"))
        assert only_run(store, name="next").id == run_uuid(2)

    @proves("write.instants")
    def test_instants_come_back_to_the_microsecond(self, store: Store) -> None:
        """As starts and ends of runs, times of events and notes, sessions, and keys; and they are found by them."""
        scope = {"session_id": SESSION}
        for number, time in enumerate(_INSTANTS, 1):
            session = {"session_id": f"ase_{number}"}
            records = [
                run_record(number, start=time, end=_LAST, turn=time, seq=number),
                event_record(number, time=time, turn=time, scope=scope),
                audit_record(number, time=time),
                entity_record("session", f"ase_{number}", time=time, scope=session),
                span_record(number, start=time, end=_LAST),
                log_record(number, time=time),
            ]
            write(store, *records)
            store.add_key(api_key(f"k{number}", created_at=time, expires_at=time, last_used_at=time))
            found = only_run(store, since=time, until=time + 1)
            assert (found.id, found.start_time, found.end_time) == (run_uuid(number), time, _LAST)
        latest = sorted(_INSTANTS, reverse=True)
        assert [(row.start_time, row.turn_time) for row in all_runs(store)] == [(time, time) for time in latest]
        assert [(row.created_at, row.turn_time) for row in shown(store)] == [(time, time) for time in _INSTANTS]
        assert [row.created_at for row in store.audit(AuditFilter(workspace_id=WORKSPACE))] == latest
        sessions = [row for row in store.sessions(SessionFilter(workspace_id=WORKSPACE)) if row.key != SESSION]
        assert [row.created_at for row in sessions] == latest
        assert [(key.created_at, key.expires_at, key.last_used_at) for key in store.keys(WORKSPACE)] == [
            (time, time, time) for time in latest
        ]
        trace = TRACE.to_bytes(16, "big")
        assert [(row.start_time, row.end_time) for row in store.spans(WORKSPACE, trace)] == [
            (time, _LAST) for time in _INSTANTS
        ]
        assert [row.time for row in store.logs(WORKSPACE, trace)] == list(_INSTANTS)

    @proves("write.sizes")
    def test_ten_megabytes_of_content_survive(self, store: Store) -> None:
        """Content has no length that a store may not take, of a tool call as of a prompt."""
        long = "é" * 2_500_000
        write(store, run_record(1, content={"input": long, "output": long}), run_record(2, name="n" * 100_000))
        assert only_run(store, name="work").content == f'{{"input":"{long}","output":"{long}"}}'
        assert only_run(store, ids=[run_uuid(2)]).name == "n" * 100_000

    @proves("write.sizes")
    def test_two_thousand_ids_are_found(self, store: Store) -> None:
        """A list of ids has no length that a store may not take, and repeats count once."""
        write(store, *(run_record(span, start=span) for span in range(1, 2001)))
        wanted = [run_uuid(span) for span in range(1, 2001)] * 2
        assert len(all_runs(store, ids=wanted)) == 2000
        assert store.count_runs(RunFilter(workspace_id=WORKSPACE, ids=wanted)) == 2000
        sessions = SessionFilter(workspace_id=WORKSPACE, ids=[ids.session_id(WORKSPACE, str(n)) for n in range(3000)])
        assert store.sessions(sessions) == []

    @proves("write.sizes", "trees.roots")
    def test_a_deep_tree_is_one_tree(self, store: Store) -> None:
        """5,000 runs, each below the one before; the lower half comes first, the deepest first in it."""
        chain = [run_record(span, parent=span - 1 or None, seq=span) for span in range(1, 5001)]
        write(store, *reversed(chain[2500:]))
        write(store, *chain[:2500])
        assert roots(store) == {run_uuid(1)}
        assert len(store.traces(WORKSPACE, [TRACE.to_bytes(16, "big")])) == 5000
        assert len(store.tree_rows(WORKSPACE, [run_uuid(4321)])) == 5000

    @proves("write.rejects")
    @pytest.mark.parametrize("field", ["start_time", "seq", "version"])
    def test_a_number_that_fits_no_column_is_rejected(self, store: Store, field: str) -> None:
        """An integer beyond 64 bits never fits, and the store goes on."""
        batch = batch_of(run_record(1))
        setattr(batch.runs[WORKSPACE, run_uuid(1)], field, 1 << 70)
        with pytest.raises(StoreRejected):
            store.write(batch)
        write(store, run_record(2))
        assert only_run(store).id == run_uuid(2)
