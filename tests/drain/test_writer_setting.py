"""The setting `writer`: what it may be, and with what it goes together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.erasure.filters import age
from agenttrace.errors import ConfigurationError
from agenttrace.store.memory import MemoryStore
from tests.journal.journal_support import delete_folder


class Exporter:
    """Takes nothing."""

    def export(self, spans: Any) -> None:
        """Take nothing."""

    def shutdown(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("store", "settings", "begins", "instead"),
    [
        ("memory://", {}, "writer: ", "writer='thread'"),
        (MemoryStore(), {}, "writer: ", "by its URL"),
        ("chdb:///folder", {}, "writer: ", "writer='thread'"),
        ("sqlite:///x.db", {"exporters": [Exporter()]}, "exporters: ", "writer='thread'"),
        ("sqlite:///x.db", {"retention": "soon"}, "retention: ", "90d"),
        ("sqlite:///x.db", {"retention": 5}, "retention: ", "90d"),
        ("oracle://x", {}, "store: ", "postgresql"),
        ("sqlite:///x.db", {"writer": "fork"}, "writer: ", "'thread' or 'process'"),
        ("sqlite:///x.db", {"writer": 5}, "writer: ", "'thread' or 'process'"),
    ],
)
def test_what_cannot_be_drained_by_another_process_is_refused(
    store: Any, settings: dict[str, Any], begins: str, instead: str
) -> None:
    """The error names the setting, and says what to do instead."""
    with pytest.raises(ConfigurationError, match=f"^{begins}") as raised:
        AgentTrace(store, **{"writer": "process", **settings})
    assert instead in str(raised.value)


def test_the_environment_says_who_writes_where_the_program_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever runs a program may decide, who has not written it."""

    def outside(**settings: Any) -> bool:
        pipeline: Any = AgentTrace(tmp_path / "x.db", **settings)._pipe()
        return pipeline._outside is not None

    assert not outside()
    monkeypatch.setenv("AGENTTRACE_WRITER", "process")
    assert outside()
    assert not outside(writer="thread")
    monkeypatch.setenv("AGENTTRACE_WRITER", "thread")
    assert not outside()
    assert outside(writer="process")
    monkeypatch.setenv("AGENTTRACE_WRITER", "")
    assert not outside()
    monkeypatch.setenv("AGENTTRACE_WRITER", "fork")
    with pytest.raises(ConfigurationError, match=r"^AGENTTRACE_WRITER: must be 'thread' or 'process', got 'fork'"):
        outside()
    assert not outside(writer="thread")


def test_a_password_stands_in_no_argument(tmp_path: Path) -> None:
    """The store's URL goes by the environment."""
    trace = AgentTrace("postgresql://u:hunter2@db.example/x", journal_dir=tmp_path, writer="process", retention="90d")
    pipeline: Any = trace._pipe()
    command = pipeline._outside._starter._command
    assert command.environment == {"AGENTTRACE_STORE": "postgresql://u:hunter2@db.example/x"}
    assert "hunter2" not in " ".join(command.arguments)
    assert command.arguments[-2:] == ("--retention", "90d")


@pytest.mark.parametrize(
    ("retention", "text"),
    [
        (timedelta(days=90), "2160h"),
        (timedelta(milliseconds=1), "1s"),
        (timedelta(days=36_500), "36500d"),
        (timedelta.max, "100000w"),
        ("4w", "4w"),
    ],
)
def test_an_age_is_handed_on(tmp_path: Path, retention: Any, text: str) -> None:
    """As text that the drainer understands."""
    pipeline: Any = AgentTrace(tmp_path / "traces.db", writer="process", retention=retention)._pipe()
    assert pipeline._outside._starter._command.arguments[-2:] == ("--retention", text)
    assert age("retention", text) is not None


def test_a_relative_path_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drainer may have another working directory."""
    monkeypatch.chdir(tmp_path)
    pipeline: Any = AgentTrace("traces.db", writer="process")._pipe()
    command = pipeline._outside._starter._command
    assert command.environment["AGENTTRACE_STORE"] == f"sqlite:///{tmp_path}/traces.db"
    assert command.arguments[:2] == ("--journal-dir", f"{tmp_path}/traces.db.journal")


def test_where_the_folder_is_lost_the_thread_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was appended before is not lost with it."""
    monkeypatch.setattr("agenttrace.journal.outside.Starter._start", lambda *_: None)
    trace = AgentTrace(tmp_path / "traces.db", writer="process")
    with trace.master("before"):
        pass
    assert not trace.flush(0.01)
    delete_folder(tmp_path / "traces.db.journal")
    with trace.master("after"):
        pass
    assert trace.flush(60)
    assert sorted(run.name for run in trace.query.runs()) == ["after", "before"]
    assert trace.shutdown(60)


def test_where_there_is_no_folder_the_thread_does_it(tmp_path: Path) -> None:
    """A journal in memory is out of every other process's reach."""
    (tmp_path / "file").write_text("no folder")
    trace = AgentTrace(tmp_path / "traces.db", journal_dir=tmp_path / "file" / "journal", writer="process")
    with trace.master("turn"):
        pass
    assert trace.flush(60)
    assert trace.stats().journal_dir is None
    assert [run.name for run in trace.query.runs()] == ["turn"]
    assert trace.shutdown(60)
