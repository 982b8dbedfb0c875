"""Prompts kept once: content becomes a skeleton and links, and whole again."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace.errors import StoreRejected
from agenttrace.model.content import MISSING
from agenttrace.model.foreign import Derived, DerivedRun
from agenttrace.model.transcript import transcript
from agenttrace.store import links
from agenttrace.store.batch import Batch
from agenttrace.store.link_writing import KnownLinks
from agenttrace.store.links import Link, is_short, shorten, whole
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import TRACE, batch_of, run_record, run_uuid, span_record
from tests.store.links_support import (
    OTHER,
    SYSTEM,
    WORKSPACE,
    contents,
    conversation,
    message,
    prompt,
    prompt_content,
    table,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from agenttrace.model.foreign import ForeignSpan
    from agenttrace.model.rows import RunRow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An open store."""
    made = SQLiteStore(tmp_path / "traces.db")
    made.open()
    yield made
    made.close()


def row_of(text: str, span: int = 1, **scope: Any) -> RunRow:
    """Return a prompt's row with this content."""
    (row,) = batch_of(run_record(span, run_type="prompt", end=2_000_000, content={}, scope=scope)).runs.values()
    row.content = text
    return row


# -- any content ------------------------------------------------------------------------------------------------------

_numbers = st.sampled_from(["0", "-0.0", "1.50", "1e400", "123456789012345678901234567890", "1E+2", "12", "1"])
_strings = st.one_of(
    st.sampled_from(['"@link"', '"@transcript"', '"\\u0000"', '"\\ud800"', '"NaN"', '"\\/"', '"a\\"],"', '"},{"']),
    st.text(max_size=12).map(json.dumps),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12).map(
        lambda text: orjson.dumps(text).decode()
    ),
)
_keys = st.sampled_from(["history", "system_prompt", "tool_names", "full_prompt", "usage", "role", "content", "x"])


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(_keys, values).map(lambda pair: f'"{pair[0]}":{pair[1]}'), max_size=4)
    return members.map(lambda found: "{" + ",".join(found) + "}")


_values = st.recursive(
    st.one_of(st.sampled_from(["null", "true"]), _numbers, _strings),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(lambda found: f"[{','.join(found)}]"), _objects(inner)),
    max_leaves=8,
)
_histories = st.lists(_values, max_size=5).map(lambda found: f'"history":[{",".join(found)}]')
_members = st.one_of(_histories, st.tuples(_keys, _values).map(lambda pair: f'"{pair[0]}":{pair[1]}'))
_spaces = st.sampled_from(["", "", "", " "])


@st.composite
def _contents(draw: st.DrawFn) -> str:
    space = draw(_spaces)
    text = "{" + f",{space}".join(draw(st.lists(_members, max_size=6))) + "}"
    return draw(st.sampled_from([text, text, text, text[:-1], text[1:]]))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_contents(), min_size=1, max_size=4))
def test_any_content_comes_back_byte_for_byte(texts: list[str]) -> None:
    """Duplicate keys, big numbers, look-alikes of marks, broken JSON; whatever was seen before it."""
    known, stored = KnownLinks(), dict[bytes, Link]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links, "SMALLEST", 2)
        for text in texts:
            short = shorten(row_of(text), known.get)
            if short is None:
                continue
            assert {*short.bases} <= stored.keys()
            stored |= {link.hash: link for link in short.links}
            known.keep(short.seen)
            assert whole(short.content, short.history_link, short.context_link, stored) == (text, True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_contents(), min_size=1, max_size=6))
def test_a_store_returns_any_content_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """In runs, traces and trees alike."""
    store = SQLiteStore(tmp_path_factory.mktemp("links") / "traces.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links, "SMALLEST", 2)
        store.open()
        batch = batch_of(*(prompt(span, {}) for span in range(1, len(texts) + 1)))
        for run, text in zip(batch.runs.values(), texts, strict=True):
            run.content = text.encode("utf-8", "replace").decode()
        expected = written(batch)
        store.write(batch)
    assert written(batch) == expected  # what was given is not changed
    assert contents(store) == expected
    assert {run.id: run.content for run in store.traces(WORKSPACE, [TRACE.to_bytes(16, "big")])} == expected
    trees = store.tree_rows(WORKSPACE, [run_uuid(1)])
    assert {tree[0]: tree[10] for tree in trees} == expected
    assert {len(tree) for tree in trees} == {12}
    store.close()


# -- what is shared ---------------------------------------------------------------------------------------------------


def test_a_conversation_has_one_link_a_message(store: SQLiteStore) -> None:
    """And one for its system prompt; a row holds their hashes and the rest of the content, which is JSON."""
    batch = conversation(10)
    store.write(batch)
    assert table(store, "SELECT kind, count(*) FROM link GROUP BY kind ORDER BY kind") == [
        ("history", 19),
        ("system_prompt", 1),
    ]
    skeletons = [json.loads(text) for (text,) in table(store, "SELECT content FROM run ORDER BY start_time")]
    assert skeletons[9] == prompt_content(9) | {"history": "@link", "system_prompt": "@link"}
    assert contents(store) == written(batch)


def test_turns_in_batches_of_their_own_share_as_well(store: SQLiteStore, tmp_path: Path) -> None:
    """Written by one process, or by another that knows nothing of the first turns."""
    for turn in range(6):
        store.write(batch_of(prompt(turn + 1, prompt_content(turn))))
    other = SQLiteStore(tmp_path / "traces.db")
    other.open()
    other.write(batch_of(prompt(7, prompt_content(6))))
    other.close()
    assert table(store, "SELECT count(*) FROM link") == [(14,)]
    assert contents(store) == written(conversation(7))


def test_disk_grows_with_the_messages(tmp_path: Path) -> None:
    """The second fifty turns take as much as the first fifty; plainly stored they take three times as much."""
    sizes: list[int] = []
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    for half in (0, 50):
        store.write(batch_of(*(prompt(turn + 1, prompt_content(turn)) for turn in range(half, half + 50))))
        store.close()
        store.open()
        sizes.append((tmp_path / "traces.db").stat().st_size)
    store.close()
    first, second = sizes[0] - _empty(tmp_path), sizes[1] - sizes[0]
    assert second < 1.5 * first
    assert second < 50 * 5 * 600  # a turn: two messages of 300 bytes, an answer, a row


def _empty(tmp_path: Path) -> int:
    store = SQLiteStore(tmp_path / "empty.db")
    store.open()
    store.close()
    return (tmp_path / "empty.db").stat().st_size


def test_a_system_prompt_that_changes_leaves_the_history_shared(store: SQLiteStore) -> None:
    """As one that tells the time does."""
    batch = batch_of(
        *(prompt(turn + 1, prompt_content(turn, system_prompt=f"It is {turn}. {SYSTEM}")) for turn in range(5))
    )
    store.write(batch)
    assert table(store, "SELECT count(*) FROM link WHERE kind = 'history'") == [(9,)]
    assert contents(store) == written(batch)


def test_tools_come_before_the_system_prompt(store: SQLiteStore) -> None:
    """One chain for both, which other prompts share."""
    tools = [f"tool_{number}_of_a_long_catalogue" for number in range(20)]
    batch = batch_of(
        prompt(1, prompt_content(0, tool_names=tools)),
        prompt(2, prompt_content(0, "other", tool_names=tools)),
        prompt(3, prompt_content(0, tool_names=tools, system_prompt="Be brief.")),
    )
    store.write(batch)
    found = table(store, "SELECT kind, previous IS NULL FROM link WHERE kind <> 'history' ORDER BY kind")
    assert found == [("system_prompt", 0), ("tool_names", 1)]
    assert contents(store) == written(batch)


def test_an_edited_history_shares_what_it_begins_with(store: SQLiteStore) -> None:
    """Two branches of one conversation."""
    changed = prompt_content(5)
    changed["history"][8] = message(8, "changed")
    batch = batch_of(prompt(1, prompt_content(5)), prompt(2, changed))
    store.write(batch)
    assert table(store, "SELECT count(*) FROM link WHERE kind = 'history'") == [(11 + 3,)]
    assert contents(store) == written(batch)


def test_a_shorter_history_is_found_again() -> None:
    """Of a known one it needs no new link, and the longer one stays known."""
    known = KnownLinks()
    text = orjson.dumps(prompt_content(6)).decode()
    first = shorten(row_of(text), known.get)
    assert first is not None
    known.keep(first.seen)
    for turn in (2, 6, 4):
        short = shorten(row_of(orjson.dumps(prompt_content(turn)).decode()), known.get)
        assert short is not None
        assert (short.links, short.seen, len(short.bases)) == ([], [], 2)
        assert short.history_link == first.links[2 * turn].hash


def test_a_history_that_loses_its_beginning_stays_in_its_rows(store: SQLiteStore) -> None:
    """Links would take more, since each turn's would be new; one that grows in the same conversation is shared."""
    scope = {"conversation_id": "c"}
    turns: list[Any] = []
    for turn in range(8):
        content = prompt_content(0) | {"history": [message(number) for number in range(turn, turn + 6)]}
        turns += [
            run_record(turn + 1, run_type="prompt", start=1_000_001 + turn, content=content, scope=scope),
            prompt(turn + 1, content, scope=scope, rev=1),
            prompt(turn + 51, prompt_content(turn, "growing"), scope=scope),
        ]
    for record in turns:
        store.write(batch_of(record))
    assert contents(store) == written(batch_of(*turns))
    assert table(store, "SELECT count(*) FROM link WHERE kind = 'history' AND data LIKE '%growing%'") == [(15,)]
    assert table(store, "SELECT count(*) FROM link WHERE kind = 'history' AND data NOT LIKE '%growing%'") == [(6,)]


def test_small_prompts_stay_as_they_are(store: SQLiteStore) -> None:
    """A link would take more than it saves."""
    content = {"system_prompt": "Be brief.", "history": [{"role": "user", "content": "Why?"}]}
    store.write(batch_of(prompt(1, content), run_record(2, end=3_000_000, content=prompt_content(3))))
    assert table(store, "SELECT count(*) FROM link") == [(0,)]
    assert table(store, "SELECT count(*) FROM run WHERE history_link IS NOT NULL OR context_link IS NOT NULL") == [(0,)]


def test_a_full_prompt_that_says_the_same_is_not_stored(store: SQLiteStore) -> None:
    """It is rendered from system prompt and history; any other text is kept."""
    content = prompt_content(3)
    text = transcript(content["system_prompt"], content["history"])
    batch = batch_of(prompt(1, content | {"full_prompt": text}), prompt(2, content | {"full_prompt": f"{text} "}))
    store.write(batch)
    ((same,), (other,)) = table(store, "SELECT content FROM run ORDER BY start_time")
    assert json.loads(same)["full_prompt"] == "@transcript"
    assert json.loads(other)["full_prompt"] == f"{text} "
    assert contents(store) == written(batch)


def test_figures_do_not_need_the_links(store: SQLiteStore) -> None:
    """Usage stays in the row."""
    store.write(conversation(3))
    table(store, "DELETE FROM link")
    figures = store.run_figures(RunFilter(workspace_id=WORKSPACE))
    assert [json.loads(one.usage or "")["input_tokens"] for one in figures] == [20, 10, 0]


# -- versions ---------------------------------------------------------------------------------------------------------


def test_the_version_that_wins_brings_its_links(store: SQLiteStore) -> None:
    """A start, its end, a replay of both, in any order: one row, the end's content."""
    start = run_record(1, run_type="prompt", content=prompt_content(4))
    end = prompt(1, prompt_content(5), rev=1)
    for record in (start, end, start, end, start):
        store.write(batch_of(record))
    assert contents(store) == written(batch_of(end))


def test_an_id_that_spreads_leaves_the_content(store: SQLiteStore) -> None:
    """A prompt that learns its contact is written again from what is stored."""
    store.write(batch_of(run_record(1, run_type="master"), prompt(2, prompt_content(4), parent=1)))
    store.write(batch_of(run_record(1, run_type="master", end=9_000_000, spread=True, scope={"user_id": "u"})))
    (run,) = store.runs(RunFilter(workspace_id=WORKSPACE, run_type="prompt"))
    assert (run.user_id, run.content) == ("u", orjson.dumps(prompt_content(4)).decode())
    assert not is_short(run)


def test_an_abandoned_prompt_keeps_its_content(store: SQLiteStore) -> None:
    """Its end is written over what is stored."""
    store.write(batch_of(run_record(1, run_type="prompt", content=prompt_content(4))))
    assert store.abandon(bytes(range(16)), at=3_000_000) == 1
    (run,) = store.runs(RunFilter(workspace_id=WORKSPACE))
    assert (run.status, run.content) == ("failed", orjson.dumps(prompt_content(4)).decode())


def test_derived_prompts_share_and_are_compared_whole(store: SQLiteStore) -> None:
    """The same spans again change no row."""

    def derive(spans: Sequence[ForeignSpan], *_: Any) -> Derived:
        return Derived(
            runs=[
                DerivedRun(
                    trace_id=span.trace_id, span_id=span.span_id, parent_id=None, run_type="prompt", name="chat",
                    status="success", start=span.start, end=span.end, content=prompt_content(int(span.name)),
                )
                for span in spans
            ]
        )  # fmt: skip

    for _ in range(2):
        batch = Batch(derive=derive)
        for turn in range(3):
            kind, payload = span_record(turn + 1, name=str(turn), end=2_000_000)
            batch.add(kind, payload, process_id=bytes(16), now=5)
        store.write(batch)
    assert table(store, "SELECT count(*) FROM link") == [(6,)]
    assert {version >> 32 for (version,) in table(store, "SELECT version FROM run")} == {1}
    assert sorted(contents(store).values(), key=lambda text: len(text or "")) == [
        orjson.dumps(prompt_content(turn)).decode() for turn in range(3)
    ]


def test_a_batch_that_fails_teaches_nothing(store: SQLiteStore) -> None:
    """What was rolled back is stored when it comes again."""
    bad = batch_of(prompt(1, prompt_content(4)), prompt(2, prompt_content(5)))
    next(iter(bad.runs.values())).seq = 1 << 70
    with pytest.raises(StoreRejected):
        store.write(bad)
    assert table(store, "SELECT count(*) FROM link") == [(0,)]
    store.write(batch_of(prompt(2, prompt_content(5))))
    assert contents(store) == written(batch_of(prompt(2, prompt_content(5))))


# -- tenants, damage --------------------------------------------------------------------------------------------------


def test_no_link_is_shared_across_workspaces(store: SQLiteStore) -> None:
    """Equal prompts in two workspaces have other hashes, and what one loses the other keeps."""
    store.write(conversation(4))
    store.write(conversation(4, scope={"workspace_id": OTHER}))
    assert table(store, "SELECT count(*), count(DISTINCT hash), count(DISTINCT workspace_id) FROM link") == [
        (16, 16, 2)
    ]
    table(store, "DELETE FROM link WHERE workspace_id = ?", WORKSPACE)
    theirs = bytes.fromhex(OTHER.replace("-", ""))
    assert sorted(map(str, contents(store, theirs).values())) == sorted(map(str, written(conversation(4)).values()))
    assert "Open the settings" not in str([json.loads(text or "")["history"] for text in contents(store).values()])


def test_a_link_of_another_workspace_is_not_followed(store: SQLiteStore) -> None:
    """Not even where a row of the table names it."""
    store.write(conversation(1, "canary", scope={"workspace_id": OTHER}))
    store.write(conversation(1))
    table(
        store,
        "UPDATE run SET history_link = (SELECT history_link FROM run WHERE workspace_id <> ?) WHERE workspace_id = ?",
        WORKSPACE,
        WORKSPACE,
    )
    (text,) = contents(store).values()
    assert json.loads(text or "")["history"] == [MISSING]


def test_missing_links_show_and_are_told_once(store: SQLiteStore, caplog: pytest.LogCaptureFixture) -> None:
    """The page is there, with what is left of each member."""
    content = prompt_content(4)
    content["full_prompt"] = transcript(content["system_prompt"], content["history"])
    store.write(batch_of(prompt(1, content)))
    table(store, "DELETE FROM link WHERE kind = 'system_prompt' OR data LIKE '%c 6:%'")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            (text,) = contents(store).values()
    shown = json.loads(text or "")
    assert (shown["system_prompt"], shown["full_prompt"]) == (MISSING, MISSING)
    assert shown["history"] == [MISSING, *content["history"][7:]]
    assert shown["usage"] == content["usage"]
    assert [record.message for record in caplog.records if "link" in record.message] == [
        f"{store.url}: prompts are shown with gaps, since rows of the table `link` are missing"
    ]


def test_a_link_that_was_lost_is_written_again(store: SQLiteStore) -> None:
    """The writer remembers it, and looks it up all the same."""
    store.write(conversation(4))
    table(store, "DELETE FROM link")
    store.write(batch_of(prompt(5, prompt_content(4))))
    assert contents(store) == written(conversation(5))
    assert table(store, "SELECT count(*) FROM link") == [(10,)]


def test_what_the_writer_remembers_is_bounded() -> None:
    """The oldest goes first."""
    known = KnownLinks(most=10_000)
    for number in range(100):
        known.keep([((WORKSPACE, "history", None, None, None, str(number)), links.Known("x" * 1000, [], []))])
    kept = [n for n in range(100) if known.get((WORKSPACE, "history", None, None, None, str(n)))]
    assert kept == list(range(94, 100))
