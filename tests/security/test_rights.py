"""Files belong to their owner alone, whatever the umask; folders of others keep the rights that they have."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agenttrace import AgentTrace
from agenttrace.cli.app import app
from agenttrace.journal.deadletters import DeadLetters
from agenttrace.model.letters import dead_letter

#: Records in a process without any umask, with an exporter, and leaves all of its files.
PROGRAM = """
import os, sys
os.umask(0)
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
import agenttrace
class Refuses(SpanExporter):
    def export(self, spans): return SpanExportResult.FAILURE
    def shutdown(self): pass
trace = agenttrace.AgentTrace(store=sys.argv[1], exporters=[Refuses()])
with trace.master("turn"):
    pass
assert trace.flush(30)
with trace.master("open").start():
    pass
os._exit(0)
"""


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of everything below a folder, by its path without what is random in it."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = "/".join("*" if len(part) == 32 else part for part in path.relative_to(folder).parts)
        found[name] = f"{stat.S_IMODE(path.lstat().st_mode):04o}"
    return found


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Give a folder in which a process without a umask has recorded, and that it did not clean up."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "new" / "traces.db")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return tmp_path


def test_all_that_a_process_makes(recorded: Path) -> None:
    """Store, write-ahead log, shared memory, journals and those of exporters: nobody else reads or enters them."""
    found = modes(recorded)
    assert {name: mode for name, mode in found.items() if int(mode, 8) & 0o077} == {}
    wanted = {"new/traces.db", "new/traces.db-wal", "new/traces.db-shm", "new/traces.db.journal/*/owner.json"}
    wanted |= {"new/traces.db.journal/*/lock", "new/traces.db.journal/*/mark", "new/traces.db.journal/*"}
    assert wanted <= found.keys()
    assert any(name.startswith("new/traces.db.export") or ".export/" in name for name in found)
    assert any(name.endswith(".seg") for name in found)


def test_folders_and_files_that_exist_keep_their_rights(tmp_path: Path) -> None:
    """A folder that a group shares stays shared; what is made in it is private all the same."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o775)
    store = shared / "traces.db"
    store.touch()
    store.chmod(0o660)
    with AgentTrace(store=store) as trace:
        with trace.master("turn"):
            pass
        assert trace.flush(20)
        found = modes(shared)
    assert f"{stat.S_IMODE(shared.stat().st_mode):04o}" == "0775"
    assert (found["traces.db"], found["traces.db.journal"], found["traces.db.journal/*"]) == ("0660", "0700", "0700")
    assert found["traces.db-wal"] == found["traces.db-shm"] == "0660", "who may write the store has to write these"


@pytest.fixture
def no_umask() -> object:
    """Take away the umask for the length of a test."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_dead_letters(tmp_path: Path) -> None:
    """Private from the first one on, also after one was sifted out, and where the file was open to all."""
    letters = DeadLetters(tmp_path, 1 << 20)
    for number in range(3):
        letters.add(dead_letter(1, b"%d" % number, "x", process_id=bytes(16), now=number))
        assert modes(tmp_path)["dead-letters.jsonl"] == "0600"
        (tmp_path / "dead-letters.jsonl").chmod(0o644)
    letters.sift(lambda letter: letter is not None and letter.time == 1)
    assert modes(tmp_path) == {"dead-letters.jsonl": "0600"}


@pytest.mark.usefixtures("no_umask")
def test_exports(tmp_path: Path) -> None:
    """A new file is private; one that exists keeps its rights."""
    with AgentTrace(store=tmp_path / "traces.db") as trace:
        with trace.master("turn"):
            pass
        assert trace.flush(20)
    old = tmp_path / "old.json"
    old.touch()
    old.chmod(0o640)
    for name in ("new.json", "old.json"):
        line = ["export", "--store", str(tmp_path / "traces.db"), "--otlp", str(tmp_path / name)]
        assert CliRunner().invoke(app, line).exit_code == 0
    assert (modes(tmp_path)["new.json"], modes(tmp_path)["old.json"]) == ("0600", "0640")


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link that somebody left in the place of a file of ours leads nowhere."""
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "dead-letters.jsonl").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        DeadLetters(tmp_path, 1 << 20).add(dead_letter(1, b"x", "x", process_id=bytes(16), now=1))
    assert target.read_text() == "precious"
