"""`agenttrace verify-redaction`, and the same in process: finds what redaction should have taken out, shows none."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from agenttrace import AgentTrace
from agenttrace.cli.app import run
from agenttrace.journal.deadletters import DeadLetters
from agenttrace.model.letters import dead_letter
from agenttrace.record.redact import Redactor
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.verify import Report
from agenttrace.verify.finder import Finder
from tests.record.redact_secrets import KINDS, SECRET_FREE, SECRETS

TOKEN = "ghp_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
PLAIN = "correct horse battery staple"


class Said(NamedTuple):
    """What the command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: object, text: str = "") -> Said:
    """Run the command in this process, in which nothing has the store open."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["agenttrace", "verify-redaction", *map(str, arguments)]),
        patch.object(sys, "stdin", io.StringIO(text)),
        redirect_stdout(output),
        redirect_stderr(errors),
        pytest.raises(SystemExit) as ended,
    ):
        run()
    return Said(int(ended.value.code or 0), output.getvalue(), errors.getvalue())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "traces.db"


def written(path: Path, value: Any, *, redact: bool = False) -> None:
    """Write one run into a store; unless told otherwise as if there were no redaction."""
    with AgentTrace(store=path, redact=redact) as trace:
        with trace.master("turn") as turn:
            turn.output = value
        assert trace.flush(20)


def verified(path: Path, **options: Any) -> Report:
    return AgentTrace(store=path).verify_redaction(**options)


def kinds(finder: Finder, value: object) -> list[tuple[str, str | None]]:
    return [(find.kind, find.name) for find in finder.value(value)]


@pytest.mark.parametrize(("kind", "secret"), KINDS)
def test_each_form_is_found(kind: str, secret: str) -> None:
    """In text, in JSON, in JSON inside of JSON, as a key, and in bytes of a record."""
    finder = Finder()
    document = {"a": [f"use {secret} here"]}
    for value in (
        f"use {secret} here",
        json.dumps(document),
        json.dumps({"inner": json.dumps(document)}),
        json.dumps({secret: 1}),
        json.dumps(document).encode(),
    ):
        assert (kind, None) in kinds(finder, value), value


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"password": PLAIN}, "password"),
        ({"deep": [{"apiKey": {"any": PLAIN}}]}, "apiKey"),
        ({"headers": [["Authorization", PLAIN]]}, "Authorization"),
        ({"text": f"db_password = {PLAIN}"}, "db_password"),
        ({"json": json.dumps({"token": PLAIN})}, "token"),
    ],
)
def test_values_of_secret_names_are_found(value: Any, name: str) -> None:
    """By the rules of redaction; the name is told."""
    assert kinds(Finder(), json.dumps(value)) == [("named", name)]


@pytest.mark.parametrize("text", SECRET_FREE)
def test_what_only_resembles_a_secret(text: str) -> None:
    """Is none."""
    assert kinds(Finder(), text) == kinds(Finder(), json.dumps({"a": [text]})) == []


@pytest.mark.parametrize("secret", [*SECRETS, f'{{"password": "{PLAIN}"}}', f"password={PLAIN} token: x1"])
def test_what_redaction_leaves_is_clean_however_it_is_cut(secret: str) -> None:
    """The beginning of a mark, where a preview ends, is no secret."""
    clean = Redactor().text(f"first {secret}, second {json.dumps({'api_key': PLAIN, secret: secret})}")
    assert "REDACTED" in clean
    for end in range(len(clean) + 1):
        assert kinds(Finder(), clean[:end]) == [], clean[:end]
        assert kinds(Finder(), json.dumps({"preview": clean[:end]})) == []


def test_a_report_tells_where_and_never_what(path: Path) -> None:
    """Table, column and id; equal values have equal digests, and in another report others."""
    written(path, {"first": TOKEN, "second": f"{TOKEN} and {PLAIN}"})
    report = verified(path, canaries=[PLAIN])
    inside = [leak for leak in report.leaks if leak.place == "store"]
    with closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute("SELECT lower(hex(id)) FROM run").fetchall()[0]
    assert {(leak.where, leak.column) for leak in inside} == {("run", "content")}
    assert {str(leak.id).split()[1].replace("-", "") for leak in inside} == {row}
    assert sorted(leak.kind for leak in inside) == ["canary 1", "github_token"]
    (other,) = {leak.digest for leak in verified(path).leaks}
    assert other not in {leak.digest for leak in inside}
    assert not any(secret in str(report.document()) for secret in (TOKEN, PLAIN))
    assert json.loads(json.dumps(report.document()))["status"] == 1


def test_ids_that_hold_a_secret_are_not_shown(path: Path) -> None:
    """Where the primary key itself is what was found."""
    written(path, "x")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO agent VALUES (zeroblob(16), ?, NULL, 0)", (f"agt_{TOKEN}",))
    report = verified(path)
    (leak,) = report.leaks
    assert (leak.where, leak.column) == ("agent", "key")
    assert (TOKEN in str(report), f"<{leak.digest}>" in str(leak.id)) == (False, True)


def test_all_pages_are_read(path: Path) -> None:
    """Of tables that are larger than one page, to the last row."""
    with AgentTrace(store=path, redact=False) as trace:
        for number in range(450):
            with trace.master("turn", input=f"nothing {number}"):
                pass
        with trace.master("last", input=TOKEN):
            pass
        assert trace.flush(30)
    report = verified(path)
    assert [(leak.where, leak.column) for leak in report.leaks] == [("run", "content")]
    assert report.rows >= 451


def test_what_deleted_rows_have_left_in_the_file(path: Path) -> None:
    """The rows are clean; the file still has it, until it is scrubbed."""
    written(path, f"note {TOKEN}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM run")
    assert verified(path).status == 0
    (leak,) = verified(path, files=True).leaks
    assert (leak.place, leak.where, leak.kind) == ("file", str(path), "github_token")
    with AgentTrace(store=path) as trace:
        trace.purge(user_id="nobody")
    assert verified(path, files=True).status == 0


def test_the_write_ahead_log(path: Path) -> None:
    """What was committed and has not reached the file yet."""
    written(path, "x")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE run SET name = ?", (TOKEN,))
        connection.commit()
        connection.execute("UPDATE run SET name = 'harmless'")
        connection.commit()
        # In a process of its own: closing the file would give up the locks of this connection.
        line = [sys.executable, "-m", "agenttrace.cli", "verify-redaction", path, "--json"]
        said = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    leaks = json.loads(said.stdout)["leaks"]
    assert {(leak["place"], Path(leak["where"]).name) for leak in leaks} == {("file", "traces.db-wal")}


def test_journals(path: Path) -> None:
    """Of processes that live and died alike; redacted records are clean."""
    with AgentTrace(store=path, redact=False, flush_interval=3600) as trace:
        trace.register_agent("somebody")
        assert trace.flush(20)
        with trace.master("turn", input={"password": PLAIN}):
            found = trace.verify_redaction(canaries=[PLAIN])
        assert {(leak.place, leak.kind, leak.name) for leak in found.leaks} == {
            ("journal", "canary 1", None),
            ("journal", "named", "password"),
        }
        assert all(".seg" in leak.where for leak in found.leaks)


@pytest.mark.parametrize("inside", ["file", "table"])
def test_dead_letters(path: Path, inside: str) -> None:
    """Records that the store refused, in a file beside the journals or in a table of the store."""
    payload = b'{"trace":"00","x":{"password":"%s"}}\n{"b":"%s"}' % (PLAIN.encode(), TOKEN.encode())
    written(path, "x")
    if inside == "file":
        root = path.with_name("traces.db.journal")
        root.mkdir(exist_ok=True)
        assert DeadLetters(root, 1 << 20).add(dead_letter(4, payload, "no", process_id=bytes(16), now=5))
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            row = (bytes(16), None, 5, 4, bytes(16), "no", payload)
            connection.execute("INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    report = verified(path)
    wanted = {"dead letters"} if inside == "file" else {"store"}
    assert {leak.place for leak in report.leaks} == wanted
    assert {(leak.kind, leak.name) for leak in report.leaks} == {("named", "password"), ("github_token", None)}


def test_a_large_value_that_was_cut_is_clean(path: Path) -> None:
    """Its preview ends where it ends."""
    with AgentTrace(store=path, max_content_bytes=1024) as trace:
        for size in range(1980, 2080, 3):
            with trace.master("turn", input={"pad": "x" * size, "password": PLAIN, "more": "y" * 4000}):
                pass
        assert trace.flush(20)
        assert trace.verify_redaction(canaries=[PLAIN]).status == 0


def test_the_command(path: Path, tmp_path: Path) -> None:
    """Status 0 and 1; canaries come by options, a file or standard input; nothing of them is printed."""
    written(path, {"note": PLAIN}, redact=True)
    clean = command(path)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert clean.stdout.startswith("nothing found in ")
    names = tmp_path / "canaries"
    names.write_text(f"not there at all\n\n{PLAIN}\n")
    for said in (
        command(path, "--canary", "not there at all", "--canary", PLAIN),
        command("--store", path, "--canary-file", names),
        command(path, "--canary-file", "-", text=names.read_text()),
    ):
        assert (said.returncode, said.stderr) == (1, "")
        assert "canary 2  store run.content" in said.stdout
        assert f"file {path}" in said.stdout
        assert PLAIN not in said.stdout
    document = json.loads(command(path, "--canary", PLAIN, "--json").stdout)
    assert (document["status"], document["problems"]) == (1, [])
    assert document["count"] == len(document["leaks"]) >= 2


def test_what_cannot_be_looked_at(path: Path, tmp_path: Path) -> None:
    """Status 2: no such store, a server that is away, a wrong URL; nothing is made."""
    nowhere = command(path)
    assert (nowhere.returncode, path.exists()) == (2, False)
    assert "there is no store" in nowhere.stderr
    away = command("postgresql://ann:hunter22222@127.0.0.1:1/db", "--journal-dir", tmp_path / "j")
    assert (away.returncode, "hunter22222" in away.stderr + away.stdout) == (2, False)
    assert "not looked at" in away.stderr
    assert command("oracle://x").returncode == 2
    short = command(path, "--canary", "abc")
    assert (short.returncode, "at least 6" in short.stderr) == (2, True)
    assert command(path, "--canary-file", tmp_path / "none").returncode == 2


def test_a_store_of_another_version_is_read_and_stays(path: Path) -> None:
    """Neither upgraded nor refused."""
    written(path, TOKEN)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert command(path).returncode == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_store_in_memory() -> None:
    """Is read like any other."""
    with AgentTrace(store="memory://", redact=False) as trace:
        with trace.scope(session_id="s", ai_contact_id="c"), trace.master("turn", input=TOKEN) as turn:
            turn.thinking(TOKEN)
        assert trace.flush(20)
        report = trace.verify_redaction()
    assert {(leak.where, leak.column) for leak in report.leaks} == {("run", "content"), ("event", "data")}


def test_a_store_that_does_not_show_its_rows(path: Path) -> None:
    """Is a problem, never taken for clean."""

    class Closed(SQLiteStore):
        stored_rows = None  # type: ignore[assignment]

    with AgentTrace(store=Closed(path)) as trace:
        assert trace.flush(20)
        report = trace.verify_redaction()
    assert (report.status, len(report.problems)) == (2, 1)
