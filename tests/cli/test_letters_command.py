"""`agenttrace letters`: list, show, retry and discard what the store refused."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenttrace.model.letters import dead_letter
from agenttrace.model.wire import RUN
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import PROCESS, run_record

Command = Callable[..., Any]

GOOD = dead_letter(*run_record(1, name="late", end=2_000_000), "StoreRejected: full", process_id=PROCESS, now=5)
BAD = dead_letter(RUN, b"\x1b[2J[bold]\xff\n" + b"x" * 200, "bad \x1b[31m", process_id=PROCESS, now=6_000_000)


@pytest.fixture
def letters(agenttrace_command: Command, tmp_path: Path) -> Command:
    """Give `agenttrace letters` on a store with one letter that it would take now, and one that it would not."""
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    store.set_aside([GOOD, BAD])
    store.close()
    return lambda *arguments: agenttrace_command("letters", *arguments, "--store", tmp_path / "traces.db")


def test_letters_are_listed(letters: Command) -> None:
    """Oldest first, with kind, size, place, id and error; nothing that a terminal acts on, and no record."""
    said = letters("list")
    assert said.status == 0
    one, other = said.out.splitlines()[1:]
    told = ["1970-01-01", "00:00", "run", str(len(GOOD.payload)), "store", GOOD.id.hex(), *GOOD.error.split()]
    assert one.split() == told
    assert BAD.id.hex() in other
    assert "bad ␛[31m" in other
    assert "\x1b" not in said.out
    assert "xxx" not in said.out


def test_letters_are_listed_as_json(letters: Command) -> None:
    """One line each: ids as text, the instant in UTC, no record."""
    found = letters("list", "--json").documents
    assert [one["id"] for one in found] == [GOOD.id.hex(), BAD.id.hex()]
    assert found[1] == {
        "id": BAD.id.hex(),
        "workspace_id": None,
        "time": "1970-01-01T00:00:06Z",
        "kind": "run",
        "process_id": PROCESS.hex(),
        "error": "bad \x1b[31m",
        "size": len(BAD.payload),
        "file": None,
    }


def test_a_letter_is_shown(letters: Command) -> None:
    """With its record, whose bytes are shown and not acted upon; as JSON in base64."""
    said = letters("show", BAD.id.hex()[:8])
    assert said.out.splitlines()[0].split() == ["id", BAD.id.hex()]
    assert "␛[2J[bold]\\xff\n" + "x" * 200 in said.out
    assert "\x1b" not in said.out
    (document,) = letters("show", BAD.id.hex(), "--json").documents
    assert b64decode(document["payload"]) == BAD.payload


def test_letters_are_retried(letters: Command, agenttrace_command: Command, tmp_path: Path) -> None:
    """What lands is no letter any more; status 3 says that some were refused again."""
    said = letters("retry")
    assert (said.status, said.out.splitlines()[0]) == (3, "stored 1, refused 1")
    assert "no RUN record" in said.out
    assert [one["id"] for one in letters("list", "--json").documents] == [BAD.id.hex()]
    runs = agenttrace_command("runs", "--json", "--store", tmp_path / "traces.db").documents
    assert [run["name"] for run in runs] == ["late"]
    (document,) = letters("retry", BAD.id.hex()[:6], "--json").documents
    assert (document["stored"], [one["id"] for one in document["refused"]]) == ([], [BAD.id.hex()])
    assert letters("discard", BAD.id.hex()).out == "discarded 1\n"
    assert (letters("retry").status, letters("retry").out) == (0, "stored 0, refused 0\n")
    assert letters("list").out.strip() == "no dead letters"


def test_letters_in_files_are_seen(letters: Command, tmp_path: Path) -> None:
    """Beside the store, or where `--journal-dir` says; `discard` deletes them as well."""
    line = b'{"time": 7, "kind": 1, "payload": "AAA=", "error": "e"}\n'
    for folder in ("traces.db.journal", "elsewhere"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "dead-letters.2.jsonl").write_bytes(line)
    for options in ((), ("--journal-dir", tmp_path / "elsewhere")):
        (found,) = [one for one in letters("list", "--json", *options).documents if one["file"]]
        assert Path(found["file"]).name == "dead-letters.2.jsonl"
        assert "dead-letters.2.jsonl" in letters("list", *options).out
        (document,) = letters("discard", found["id"], "--json", *options).documents
        assert document == {"discarded": 1}
    assert list(tmp_path.rglob("dead-letters*")) == []


def test_wrong_use_says_what_is_wrong(letters: Command, agenttrace_command: Command, tmp_path: Path) -> None:
    """Status 2 for what is no id, 1 for one that does not exist, and no store is made by looking."""
    assert letters("show", "zz").status == 2
    assert letters("discard").status == 2
    said = letters("show", "0" * 32)
    assert (said.status, "letters list" in said.err) == (1, True)
    assert agenttrace_command("letters", "list", "--store", tmp_path / "none.db").status == 1
    assert not (tmp_path / "none.db").exists()


def test_the_doctor_counts_them(letters: Command, agenttrace_command: Command, tmp_path: Path) -> None:
    """Those of the store; old ones are no alarm."""
    assert letters("list").status == 0
    said = agenttrace_command("doctor", tmp_path / "traces.db")
    size = len(GOOD.payload) + len(BAD.payload)
    assert f"dead letters: 2 (0 new), {size:,} bytes" in said.out
    assert "the last one's error: bad" in said.out
    (report,) = agenttrace_command("doctor", tmp_path / "traces.db", "--json").documents
    assert report["store"]["dead_letters"] == {
        "count": 2,
        "recent": 0,
        "bytes": size,
        "newest": "1970-01-01T00:00:06Z",
        "last_error": "bad \x1b[31m",
    }
