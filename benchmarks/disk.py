"""What recorded runs take on disk: a turn of a long conversation, and a run of an ordinary turn.

    python benchmarks/disk.py [--store sqlite|clickhouse] [--conversations 20] [--turns 100] [--ordinary 2000] [--quick]
                              [--json FILE]

Everything is recorded and written as a program does it. In SQLite bytes are those of the file, its log folded in, with
indexes and what is free in its pages; in ClickHouse (its engine in this process) those of all active parts once they
were merged. Texts are words drawn by chance from a vocabulary of 4,000, so that they compress about as prose does.
ClickHouse keeps each prompt whole in its row and leaves it to compression to find what repeats.

A long conversation: each turn has a prompt with a system prompt of 2 KB and all messages so far, of 300 B each; a turn
adds two. It is measured once as it is, prompts kept once, and once with each prompt whole in its row; the prompts
alone, and each below a root with the question and the answer. "At turn 100" is what the last ten turns added, a turn.

An ordinary turn is five spans: a root (200 B in, 500 B out), a retrieval (a query, 3 chunks of 400 B), a prompt (the
same system prompt, 6 messages of 300 B, 600 B response) and two tool calls (150 B in, 400 B out), in a session of a
user. It is measured with another history each turn, and with conversations of four turns that begin with no message.
Afterwards every prompt is read back and compared with what was recorded.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from agenttrace import AgentTrace
from agenttrace.store import links

# The folder of this file is no place to import from: `http` there is another benchmark, which drivers would meet.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

SPANS = 5
LAST = 10  # turns that are measured for what one takes at the end
NAMES = UUID("8a3d1f52-6a0e-4f0b-8c57-0d5f4c1b9e21")

Sizes = dict[str, int]


def _vocabulary() -> list[str]:
    chance = random.Random(7)
    return ["".join(chance.choices("etaoinshrdlucmfwypvbgk", k=chance.randint(2, 9))) for _ in range(4000)]


VOCABULARY = _vocabulary()


def text(size: int, head: str = "") -> str:
    """Return so many bytes of text that begin so; the same head gives the same text."""
    return (head + " ".join(random.Random(head).choices(VOCABULARY, k=size // 2)))[:size]


def message(conversation: int, number: int) -> dict[str, str]:
    """Return one message of a conversation."""
    return {"role": ("user", "assistant")[number % 2], "content": text(300, f"{conversation}/{number} ")}


def scope(number: int) -> dict[str, str]:
    """Return the ids of a conversation."""
    names = ("session_id", "conversation_id", "ai_contact_id", "user_id")
    return {name: str(uuid5(NAMES, f"{name} {number}")) for name in names}


SYSTEM = text(2048)


# --- recording -------------------------------------------------------------------------------------------------------


class Recording:
    """A store that is recorded into; `whole` keeps each prompt whole in its row."""

    def __init__(self, folder: Path, *, whole: bool = False, store: str = "sqlite") -> None:
        self.path = folder / "traces.db"
        self.store = store
        self.prompts: dict[str, Any] = {}  # what was recorded, by run id
        self._smallest, links.SMALLEST = links.SMALLEST, (1 << 62) if whole else links.SMALLEST
        url = self.path if store == "sqlite" else f"chdb:///{folder}/clickhouse"
        self.trace = AgentTrace(store=url, journal_dir=folder / "journal")

    def prompt(self, history: list[dict[str, str]], answer: str) -> None:
        """Record one prompt."""
        with self.trace.prompt("engage", model="gpt-5", system_prompt=SYSTEM, history=history) as turn:
            turn.response = answer
            turn.usage(input_tokens=812, output_tokens=95)
        self.prompts[str(turn.run_id)] = len(history), history[-1:]

    def settle(self) -> Sizes:
        """Return the bytes of each table and index, once all is written; `file` is the file."""
        if not self.trace.flush(600):
            sys.exit("flush ran out of time")
        if self.store == "clickhouse":
            return self._parts()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            found = {"file": self.path.stat().st_size}
            try:
                rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
            except sqlite3.OperationalError:  # this SQLite was built without it
                rows = []
        return found | dict(rows)

    def _parts(self) -> Sizes:
        store: Any = self.trace._pipe().open_store_once()
        with store._clients.lend() as client:
            database = store._place.database
            active = f"FROM system.parts WHERE active AND database = '{database}' GROUP BY table"
            tables = [row[0] for row in client.query(f"SELECT table {active}").result_rows]
            for table in tables:
                client.command(f"OPTIMIZE TABLE {store._place.name(table)} FINAL")
            found = dict(client.query(f"SELECT table, sum(bytes_on_disk) {active}").result_rows)
        return {"file": sum(found.values()), **found}

    def close(self) -> None:
        """End; exit with an error where a prompt does not come back as it was."""
        found = {str(run.id): run.content for run in self.trace.query.runs(run_type="prompt")}
        for run_id, (length, last) in self.prompts.items():
            history = found[run_id]["history"] or []
            if len(history) != length or history[-1:] != last or found[run_id]["system_prompt"] != SYSTEM:
                sys.exit(f"run {run_id} did not come back as it was recorded")
        self.trace.shutdown(60)
        links.SMALLEST = self._smallest


def converse(given: argparse.Namespace, *, whole: bool, rooted: bool) -> tuple[float, float]:
    """Return the bytes of a turn at the end of long conversations, and of one on the average."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder), whole=whole, store=given.store)
        empty = recording.settle()["file"]
        before = empty
        for turn in range(given.turns):
            if turn == given.turns - LAST:
                before = recording.settle()["file"]
            for number in range(given.conversations):
                with recording.trace.scope(**scope(number)):
                    long_turn(recording, number, turn, rooted=rooted)
        after = recording.settle()["file"]
        recording.close()
    return (after - before) / (LAST * given.conversations), (after - empty) / (given.turns * given.conversations)


def long_turn(recording: Recording, number: int, turn: int, *, rooted: bool) -> None:
    """Record one turn of a long conversation."""
    history = [message(number, each) for each in range(2 * turn + 1)]
    answer = message(number, 2 * turn + 1)["content"]
    if not rooted:
        recording.prompt(history, answer)
        return
    with recording.trace.master("answer", agent_key="support", input=history[-1]["content"]) as root:
        recording.prompt(history, answer)
        root.output = answer


def ordinary(given: argparse.Namespace, *, going: bool, whole: bool = False) -> tuple[Sizes, Sizes, int]:
    """Return the sizes of an empty store and of one with ordinary turns, and the bytes of what was recorded.

    `going`: of conversations of four turns.
    """
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder), whole=whole, store=given.store)
        empty = recording.settle()
        for number in range(given.ordinary):
            conversation, turn = divmod(number, 4) if going else (number, 3)
            with recording.trace.scope(**scope(conversation)):
                ordinary_turn(recording, number, [message(conversation, each) for each in range(2 * turn)])
        found = recording.settle()
        content = sum(len(json.dumps(run.content, separators=(",", ":"))) for run in recording.trace.query.runs())
        recording.close()
    return empty, found, content


def ordinary_turn(recording: Recording, number: int, history: list[dict[str, str]]) -> None:
    """Record one turn of five spans."""
    trace = recording.trace
    with trace.master("answer", agent_key="support", input=text(200, f"{number} ")) as root:
        with trace.context("retrieve", query=text(80)) as retrieval:
            retrieval.documents = [{"title": "Guide", "text": text(400, f"{number} ")} for _ in range(3)]
        recording.prompt(history, text(600))
        for name in ("search", "look_up"):
            with trace.tool_call(name, input={"query": text(150, f"{number} ")}) as call:
                call.output = [text(400)]
        root.output = text(500)


# --- reporting -------------------------------------------------------------------------------------------------------


def report_ordinary(title: str, turns: int, empty: Sizes, found: Sizes, content: int) -> dict[str, float]:
    """Print the bytes a run, and what takes them; return them by table and index."""
    runs = turns * SPANS
    each = {name: (size - empty.get(name, 0)) / runs for name, size in found.items()}
    print(f"{title:58} {each['file']:8.0f} B a run, of content that has {content / runs:.0f}")
    for name, size in sorted(each.items(), key=lambda entry: -entry[1]):
        if name != "file" and size >= 5:
            print(f"    {name:54} {size:8.0f}")
    return {name: round(size, 1) for name, size in each.items() if size}


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--store", choices=("sqlite", "clickhouse"), default="sqlite")
    arguments.add_argument("--conversations", type=int, default=20)
    arguments.add_argument("--turns", type=int, default=100, help="turns of a long conversation")
    arguments.add_argument("--ordinary", type=int, default=2000, help="ordinary turns")
    arguments.add_argument("--quick", action="store_true", help="little of everything")
    arguments.add_argument("--json", type=Path, help="write the figures here as well")
    given = arguments.parse_args()
    if given.quick:
        given.conversations, given.ordinary = min(given.conversations, 2), min(given.ordinary, 100)

    found: dict[str, Any] = {}
    print(f"{'bytes a turn of a long conversation':44} {'kept once':>10} {'whole rows':>12} {'times':>8}")
    for title, rooted in (("prompts alone", False), ("root and prompt", True)):
        once, plain = (converse(given, whole=whole, rooted=rooted) for whole in (False, True))
        for when, kept, stored in zip((f"at turn {given.turns}", "on the average"), once, plain, strict=True):
            print(f"{f'{title}, {when}':44} {kept:10.0f} {stored:12.0f} {stored / kept:8.1f}")
            found[f"{title}, {when}"] = {"kept once": kept, "whole rows": stored, "times": stored / kept}
    print()
    for title, options in (
        ("an ordinary turn, another history each", {"going": False}),
        ("an ordinary turn, another history each, whole rows", {"going": False, "whole": True}),
        ("an ordinary turn, conversations of four turns", {"going": True}),
        ("an ordinary turn, conversations of four turns, whole rows", {"going": True, "whole": True}),
    ):
        found[title] = report_ordinary(title, given.ordinary, *ordinary(given, **options))
    print("every prompt came back as it was recorded")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
