"""`agenttrace doctor`: what it prints, its document, and its exit status."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.health import Report
from agenttrace.store.sqlite import SQLiteStore


def doctor(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a monitor would."""
    command = [sys.executable, "-m", "agenttrace.cli", "doctor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


@pytest.fixture
def well(path: Path) -> Path:
    """A store that is well."""
    store = SQLiteStore(path)
    store.open()
    store.close()
    return path


def test_a_store_that_is_well(well: Path) -> None:
    """Status 0; the store is an argument or an option."""
    first = doctor(well)
    assert (first.returncode, first.stderr) == (0, "")
    assert "all well" in first.stdout
    assert f"sqlite:///{well}" in first.stdout
    named = doctor("--store", well, "--json")
    assert named.returncode == 0
    document = json.loads(named.stdout)
    assert list(document) == [field.name for field in fields(Report)]
    assert (document["status"], document["findings"], document["process"]) == (0, [], None)
    assert document["time"].endswith("Z")
    assert document["roots"][0]["dead_letters"]["count"] == 0


def test_what_needs_attention(killed: Callable[..., Path], path: Path) -> None:
    """Status 1, with one line for what it is and one for what to do."""
    left = killed()
    said = doctor(path)
    assert (said.returncode, said.stderr) == (1, "")
    lines = said.stdout.splitlines()
    assert "needs attention" in lines[0]
    (at,) = [number for number, line in enumerate(lines) if line.startswith("! ")]
    assert left.name[:8] in lines[at]
    assert lines[at + 1].startswith("  whatever records")
    document = json.loads(doctor(path, "--json").stdout)
    assert [(finding["code"], finding["status"]) for finding in document["findings"]] == [("journal_dead", 1)]
    assert document["roots"][0]["journals"][0]["records"] == 2


def test_a_store_that_cannot_be_used(well: Path, tmp_path: Path) -> None:
    """Status 2: newer, not there, or a URL that is none; nothing is made."""
    with closing(sqlite3.connect(well)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert doctor(well).returncode == 2
    nowhere = doctor(tmp_path / "none.db")
    assert (nowhere.returncode, (tmp_path / "none.db").exists()) == (2, False)
    assert "there is no store" in nowhere.stdout
    wrong = doctor("oracle://x")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "unknown scheme" in wrong.stderr
    twice = doctor(well, "--store", tmp_path / "none.db")
    assert (twice.returncode, "name it once" in twice.stderr) == (2, True)
    assert doctor(well, "--since", "soon").returncode == 2


def test_the_journals_may_lie_elsewhere(tmp_path: Path) -> None:
    """As `journal_dir` says."""
    folder = tmp_path / "journals"
    with AgentTrace(store=tmp_path / "t.db", journal_dir=folder) as trace:
        with trace.master("turn"):
            pass
        assert trace.flush(30)
        document = json.loads(doctor(tmp_path / "t.db", "--journal-dir", folder, "--json").stdout)
    assert [root["path"] for root in document["roots"]] == [str(folder)]
    assert [journal["alive"] for journal in document["roots"][0]["journals"]] == [True]


def test_the_docs_have_each_code() -> None:
    """docs/doctor.md says of each finding what it means."""
    root = Path(__file__).parents[2]
    source = root.joinpath("src", "agenttrace", "health", "judge.py").read_text(encoding="utf-8")
    known = set(re.findall(r'_finding\(\s*"(\w+)"', source))
    text = root.joinpath("docs", "doctor.md").read_text(encoding="utf-8")
    assert len(known) > 15
    assert known == set(re.findall(r"(?m)^\| `(\w+)` \| [12] \|", text))
