"""Payloads become rows."""

from __future__ import annotations

import uuid
from typing import Any

import orjson
import pytest

from agenttrace.model import ids
from agenttrace.model.rows import RunRow
from agenttrace.model.versions import RANK_ALIVE
from agenttrace.model.wire import ENTITY, EVENT, FIXED, OPEN, RUN, VERSION
from agenttrace.store.batch import Batch
from agenttrace.testing.records import PROCESS, TRACE, batch_of, entity_record, event_record, run_record, run_uuid

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes


def only(batch: Batch) -> RunRow:
    """Return the batch's one run."""
    (run,) = batch.runs.values()
    return run


def test_a_batch_of_nothing_is_empty() -> None:
    """No records: no rows, and it is false."""
    assert not Batch()
    assert len(batch_of(run_record(1), run_record(2), event_record(1), entity_record("contact", "c"))) == 4


def test_a_start_and_its_end_are_one_run() -> None:
    """The end's version stays, the start's process does not."""
    batch = batch_of(run_record(1), run_record(1, end=2_000_000))
    assert len(batch) == 1
    assert (only(batch).status, only(batch).process_id) == ("success", None)


def test_reading_between_records_changes_nothing() -> None:
    """`runs` may be looked at while the batch grows."""
    batch = batch_of(run_record(1, scope={"user_id": "u"}))
    assert len(batch.runs) == len(batch) == 1
    kind, payload = run_record(1, end=2_000_000)
    batch.add(kind, payload, process_id=PROCESS, now=1)
    assert (len(batch), only(batch).user_id, only(batch).status) == (1, "u", "success")


@pytest.mark.parametrize("scopes", [[{"user_id": "u"}, {}, {}], [{}, {"user_id": "u"}, {}], [{}, {}, {"user_id": "u"}]])
def test_an_id_of_any_version_is_kept(scopes: list[dict[str, str]]) -> None:
    """Whichever of three versions knows it, in whichever order they come."""
    records = [run_record(1, rev=rev, scope=scope) for rev, scope in enumerate(scopes)]
    assert only(batch_of(*records)).user_id == "u"
    assert only(batch_of(*reversed(records))) == only(batch_of(*records))


def test_every_field_has_its_place() -> None:
    """From the record's keys to the row's fields."""
    run = only(
        batch_of(
            run_record(
                2,
                parent=1,
                run_type="prompt",
                start=5,
                seq=7,
                turn=3,
                end=9,
                scope={"agent_key": "support", "session_id": "s", "call_sid": "CA1"},
                attributes={"interaction_type": "search", "widget_id": 5, "x": [1]},
                prompt_type="engage",
                state_name="greet",
                source="other",
                provider="openai",
                service="web",
                error={"type": "E", "message": "m", "stack": None},
                content={"a": 1},
            ),
            now=77,
        )
    )
    assert (run.workspace_id, run.id, run.parent_id) == (WORKSPACE, run_uuid(2), run_uuid(1))
    assert (run.trace_id, run.span_id) == (TRACE.to_bytes(16, "big"), (2).to_bytes(8, "big"))
    assert (run.start_time, run.end_time, run.turn_time, run.seq, run.end_seq, run.ingested_at) == (5, 9, 3, 7, 8, 77)
    assert (run.agent_key, run.session_id, run.call_sid) == ("agt_support", ids.session_id(WORKSPACE, "s"), "CA1")
    assert (run.interaction_type, run.widget_id, run.placement_id) == ("search", "5", None)
    assert (run.prompt_type, run.state_name, run.source, run.source_system) == ("engage", "greet", "other", "openai")
    assert run.service_id == ids.entity_id(WORKSPACE, "web")
    assert orjson.loads(run.attributes or "") == {"interaction_type": "search", "widget_id": 5, "x": [1]}
    assert (run.content, run.error) == ('{"a":1}', '{"type":"E","message":"m","stack":null}')


@pytest.mark.parametrize(
    ("status", "owner"), [("running", PROCESS), ("pending", None), ("success", None), ("failed", None)]
)
def test_only_a_running_run_belongs_to_a_process(status: str, owner: bytes | None) -> None:
    """Pending runs belong to none, and ended ones need none."""
    assert only(batch_of(run_record(1, status=status))).process_id == owner


def test_ids_that_are_no_uuids_are_kept_as_text_too() -> None:
    """Contact and conversation get a computed UUID; the user's own word stays in the attributes."""
    given: dict[str, Any] = {"ai_contact_id": "bob", "conversation_id": str(uuid.UUID(int=5)).upper(), "user_id": 12}
    run = only(batch_of(run_record(1, scope=given | {"team_id": "A63AB83D2BB842AB837423B8E1E276E3"})))
    assert run.ai_contact_id == ids.entity_id(WORKSPACE, "bob")
    assert run.conversation_id == uuid.UUID(int=5).bytes
    assert (run.user_id, run.team_id) == ("12", "a63ab83d-2bb8-42ab-8374-23b8e1e276e3")
    assert orjson.loads(run.attributes or "") == {"ai_contact_id": "bob"}
    mine = only(batch_of(run_record(1, scope={"ai_contact_id": "bob"}, attributes={"ai_contact_id": "mine"})))
    assert orjson.loads(mine.attributes or "") == {"ai_contact_id": "mine"}


@pytest.mark.parametrize("empty", [{}, {"user_id": ""}, {"user_id": None}, {"workspace_id": ""}])
def test_an_empty_id_is_none(empty: dict[str, Any]) -> None:
    """Absent, empty and null are the same."""
    run = only(batch_of(run_record(1, scope=empty)))
    assert (run.workspace_id, run.user_id) == (WORKSPACE, None)


def test_an_id_that_is_no_text_is_its_str() -> None:
    """Also one that cannot be a key of a dictionary."""
    run = only(batch_of(run_record(1, scope={"user_id": ["a"], "call_sid": True})))
    assert (run.user_id, run.call_sid) == ("['a']", "True")


def test_times_stay_in_order_and_in_range() -> None:
    """An end before the start is the start; beyond the year 9999 and before 1970 is the nearest instant."""
    assert only(batch_of(run_record(1, start=9, end=5))).end_time == 9
    far = only(batch_of(run_record(1, start=-5, seq=1 << 60, end=1 << 62)))
    assert (far.start_time, far.seq, far.end_time) == (0, (1 << 40) - 1, 253_402_300_799_999_999)


def test_its_own_parent_is_no_parent() -> None:
    """A run that names itself has none."""
    assert only(batch_of(run_record(1, parent=1))).parent_id is None


def test_records_that_know_more_than_their_root_are_noted() -> None:
    """Marked as `spread`, or of a parent in another process."""
    batch = batch_of(run_record(1), run_record(2, spread=True, parent=1), run_record(3, remote=True, trace=TRACE + 1))
    assert batch.spread == {(WORKSPACE, trace.to_bytes(16, "big")) for trace in (TRACE, TRACE + 1)}


def test_an_event_that_knows_its_session_stays() -> None:
    """Of two records of one event."""
    knowing, ignorant = event_record(1, scope={"session_id": "s"}), event_record(1)
    for records in ([knowing, ignorant], [ignorant, knowing]):
        (event,) = batch_of(*records).events.values()
        assert event.session_id == ids.session_id(WORKSPACE, "s")


def test_entities_are_named_once() -> None:
    """Runs, events and registrations name sessions, agents, contacts and conversations."""
    scope = {"session_id": "s", "agent_key": "a", "ai_contact_id": "c", "conversation_id": "t", "call_sid": "CA1"}
    batch = batch_of(
        run_record(1, scope=scope, start=8), event_record(1, scope=scope, time=5), run_record(2, scope=scope, start=9)
    )
    entities = batch.entities()
    (session,) = entities.sessions.values()
    assert (session.created_at, session.agent_key, session.call_sid) == (5, "agt_a", "CA1")
    assert [len(each) for each in (entities.agents, entities.contacts, entities.conversations)] == [1, 1, 1]
    assert entities.session_agents == {(WORKSPACE, session.id, "agt_a")}
    assert not Batch().entities()


def test_a_registered_name_is_the_latest() -> None:
    """Within a batch as between batches."""
    batch = batch_of(
        entity_record("agent", "a", time=9, name="new"),
        entity_record("agent", "a", time=5, name="old"),
        entity_record("agent", "a", time=99),
    )
    assert [agent.name for agent in batch.entities().agents.values()] == ["new"]


_, GOOD = run_record(255, content={"input": 1})
HEAD = FIXED.size + VERSION.size


def with_envelope(envelope: bytes) -> bytes:
    """Return a good record under another envelope."""
    return GOOD[:HEAD] + envelope + b"\n"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        GOOD[:-20],
        GOOD[: HEAD - 1],
        GOOD[:HEAD],
        with_envelope(b""),
        with_envelope(b"[]"),
        with_envelope(b"{"),
        with_envelope(b'{"type":"t"}'),
        with_envelope(b'{"name":"n"}'),
        with_envelope(b'{"type":"t","name":5}'),
        with_envelope(b'{"type":null,"name":"n"}'),
        with_envelope(b'{"type":"t","name":"n","scope":[]}'),
        with_envelope(b'{"type":"t","name":"n","attributes":"x"}'),
        GOOD[: FIXED.size] + VERSION.pack(OPEN, 0, 0, 0, 1, 0) + GOOD[HEAD:],
        GOOD[: FIXED.size] + VERSION.pack(OPEN, 0, 0, 5, 1, 0) + GOOD[HEAD:],
        GOOD[: FIXED.size] + VERSION.pack(OPEN, 0, 0, 1, 9, 0) + GOOD[HEAD:],
    ],
)
def test_a_run_that_is_not_understood_changes_nothing(bad: bytes) -> None:
    """It raises ValueError, and the batch is as it was."""
    batch = batch_of((RUN, GOOD))
    before = dict(batch.runs)
    with pytest.raises(ValueError):
        batch.add(RUN, bad, process_id=PROCESS, now=1)
    assert (batch.runs, len(batch), batch.events, batch.spread) == (before, 1, {}, set())


SPOKEN = {"trace": f"{TRACE:032x}", "span": "00000000000000ff", "type": "thinking", "time": 1, "seq": 1}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (9, GOOD),
        *((EVENT, orjson.dumps(SPOKEN | bad)) for bad in ({"trace": "ab"}, {"span": "zz" * 8}, {"span": ""})),
        *((EVENT, orjson.dumps(SPOKEN | bad)) for bad in ({"time": "x"}, {"type": 5}, {"seq": None}, {"time": True})),
        *((EVENT, orjson.dumps({k: v for k, v in SPOKEN.items() if k != key})) for key in SPOKEN),
        (EVENT, orjson.dumps(SPOKEN) + b"\n\xff"),
        (EVENT, b"[]"),
        (EVENT, b"{"),
        (ENTITY, b'{"entity": "planet", "id": "x", "time": 1}'),
        (ENTITY, b'{"entity": "contact", "id": "", "time": 1}'),
        (ENTITY, b'{"entity": "contact", "id": "x", "time": null}'),
        (ENTITY, b'{"entity": "contact"}'),
    ],
)
def test_bytes_that_are_no_record_raise_value_error(kind: int, payload: bytes) -> None:
    """And leave an empty batch empty."""
    batch = Batch()
    with pytest.raises(ValueError):
        batch.add(kind, payload, process_id=PROCESS, now=1)
    assert not batch
    assert not batch.entities()


def test_a_proof_of_life_keeps_its_process() -> None:
    """It says that the run is running, and whose it is."""
    assert only(batch_of(run_record(1), run_record(1, rank=RANK_ALIVE))).process_id == PROCESS
