"""Settings: what they do, what is refused, and that setting up anew loses nothing."""

from __future__ import annotations

import inspect
import math
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

import agenttrace
from agenttrace import AgentTrace
from agenttrace.errors import ConfigurationError, StoreUnavailable
from agenttrace.journal.settings import JournalSettings
from agenttrace.parameters import Settings
from agenttrace.store.memory import MemoryStore


@pytest.fixture
def trace() -> Iterator[AgentTrace]:
    """An AgentTrace in memory."""
    with AgentTrace(store="memory://") as made:
        yield made


def service_of(made: AgentTrace) -> uuid.UUID | None:
    """Record a prompt and return the service that its log names."""
    with made, made.prompt("engage"):
        pass
    return made.query.prompt_logs(None).items[0].service_id


@pytest.mark.parametrize(
    ("settings", "parameter"),
    [
        ({"max_content_bytes": 10}, "max_content_bytes"),
        ({"max_content_bytes": "1"}, "max_content_bytes"),
        ({"journal_max_bytes": 1}, "journal_max_bytes"),
        ({"max_content_bytes": 1 << 80}, "max_content_bytes"),
        ({"journal_max_bytes": 1 << 80}, "journal_max_bytes"),
        ({"exporters": [object()]}, "exporters"),
        ({"exporters": None}, "exporters"),
        ({"exporters": ConsoleSpanExporter()}, "exporters"),
        ({"exporters": iter([ConsoleSpanExporter()])}, "exporters"),
        ({"redact": "yes"}, "redact"),
        ({"flush_interval": 0}, "flush_interval"),
        ({"query_timeout": True}, "query_timeout"),
        ({"exit_timeout": "1"}, "exit_timeout"),
        ({"flush_interval": math.nan}, "flush_interval"),
        ({"raw_prompts": "false"}, "raw_prompts"),
        ({"raw_prompts": None}, "raw_prompts"),
        ({"respect_sampling": "true"}, "respect_sampling"),
        ({"retention": "soon"}, "retention"),
        ({"audit_retention": "yes"}, "audit_retention"),
        ({"writer": "fork"}, "writer"),
        ({"store": "oracle://x"}, "store"),
        ({"store": "sqlite://x"}, "store"),
        ({"store": 5}, "store"),
        ({"journal_dir": 5}, "journal_dir"),
        ({"journal_dir": ""}, "journal_dir"),
        ({"service_id": 5}, "service_id"),
        ({"enabled": "no"}, "enabled"),
        ({"clock": 5}, "clock"),
        ({"ids": 5}, "ids"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings: dict[str, Any], parameter: str) -> None:
    """The error begins with the parameter."""
    with pytest.raises(ConfigurationError, match=f"^{parameter}: "):
        AgentTrace(**{"store": "memory://", **settings})


def test_no_setting_goes_unchecked() -> None:
    """An object of no kind that anybody knows is refused wherever it stands."""
    for name in Settings.__annotations__:
        with pytest.raises(ConfigurationError, match=f"^{name}: "):
            AgentTrace(store="memory://", **{name: object()})  # type: ignore[arg-type]


@pytest.mark.parametrize("forever", [math.inf, 1e12, 10**400])
def test_forever_is_a_time_to_wait(forever: float, tmp_path: Path) -> None:
    """It is cut to what a thread can wait, wherever a number of seconds is taken, at exit too."""
    trace = AgentTrace(
        tmp_path / "traces.db", exit_timeout=forever, query_timeout=forever, flush_interval=forever, exporters=[]
    )
    with trace.master("turn"):
        pass
    assert trace.flush(forever)
    assert [run.name for run in trace.query.runs()] == ["turn"]
    with trace.master("turn"):
        pass
    assert trace.configure(tmp_path / "other.db", exit_timeout=forever) is trace
    assert trace.shutdown(forever)
    script = f"""if True:
        import agenttrace
        from math import inf
        agenttrace.configure("exit.db", exit_timeout={forever!r})
        with agenttrace.master("turn"):
            pass
    """
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)
    with sqlite3.connect(tmp_path / "exit.db") as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("wrong", [None, "5", math.nan, True])
def test_what_is_no_time_is_named(trace: AgentTrace, wrong: Any) -> None:
    """By whoever waits for a number of seconds."""
    for wait in (trace.flush, trace.shutdown):
        with pytest.raises(ConfigurationError, match=r"^timeout: must be a number of seconds, got "):
            wait(wrong)


def test_refused_settings_leave_the_old_ones(trace: AgentTrace) -> None:
    """What was recorded before, and is recorded after, is there."""
    with trace.tool_call("before"):
        pass
    with pytest.raises(ConfigurationError):
        trace.configure("memory://", flush_interval=-1)
    with trace.tool_call("after"):
        pass
    assert [run.name for run in trace.query.runs()] == ["after", "before"]


def test_setting_up_anew_writes_out_what_was_recorded(tmp_path: Path) -> None:
    """Decorated functions follow to the new store; a span that was open ends in it."""
    trace = AgentTrace(store=tmp_path / "one.db")

    @trace.tool_call
    def work() -> None:
        """Do nothing."""

    work()
    with trace.master("turn") as turn:
        assert trace.configure(tmp_path / "two.db") is trace
        work()
    assert {run.name for run in trace.query.runs()} == {"turn", "work"}
    assert trace.query.trace(turn.run_id).status == "success"
    trace.shutdown()
    with AgentTrace(store=tmp_path / "one.db") as old:
        assert [(run.name, run.status) for run in old.query.runs()] == [("turn", "running"), ("work", "success")]


def test_a_store_object_is_used_as_it_is() -> None:
    """It is opened, and its journal is in memory."""
    store = MemoryStore()
    with AgentTrace(store=store) as trace:
        with trace.tool_call("work"):
            pass
        assert trace.flush()
        assert store.url == "memory://"
        assert [run.name for run in trace.query.runs()] == ["work"]


def test_the_journal_folder_can_be_chosen(tmp_path: Path) -> None:
    """It is made, and holds the journals; nothing stands beside the store."""
    with AgentTrace(store=tmp_path / "a.db", journal_dir=tmp_path / "journals") as trace:
        with trace.tool_call("work"):
            pass
        assert [entry.is_dir() for entry in (tmp_path / "journals").iterdir()] == [True]
        assert trace.flush()
    assert not (tmp_path / "a.db.journal").exists()


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_the_environment_can_switch_tracing_off(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file is opened; `enabled=True` wins over it."""
    monkeypatch.setenv("AGENTTRACE_DISABLED", value)
    off = AgentTrace(store=tmp_path / "a.db")
    with off.tool_call("work") as span:
        span.output = 1
    assert os.listdir(tmp_path) == []
    assert off.stats().recorded == 0
    with AgentTrace(store="memory://", enabled=True) as on:
        with on.tool_call("work"):
            pass
        assert on.stats().recorded == 2


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where `store` is left out."""
    monkeypatch.setenv("AGENTTRACE_STORE", f"sqlite:///{tmp_path}/named.db")
    with AgentTrace() as trace, trace.tool_call("work"):
        pass
    assert (tmp_path / "named.db").exists()


def test_a_service_is_a_uuid_or_becomes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, or from OpenTelemetry's environment: the instance before the name; none without any."""
    known = uuid.uuid4()
    assert service_of(AgentTrace(store="memory://")) is None
    assert service_of(AgentTrace(store="memory://", service_id=known)) == known
    named = service_of(AgentTrace(store="memory://", service_id="shop"))
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    assert service_of(AgentTrace(store="memory://")) == named
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"service.name=other,service.instance.id={known}")
    assert service_of(AgentTrace(store="memory://")) == known
    assert named is not None


def test_raw_prompts_can_be_switched_off() -> None:
    """Prompt logs are unavailable then; the other views are not."""
    with AgentTrace(store="memory://", raw_prompts=False) as trace:
        with trace.prompt("engage"):
            pass
        with pytest.raises(StoreUnavailable):
            trace.query.prompt_logs(None)
        assert [run.name for run in trace.query.runs()] == ["engage"]


def test_a_limit_cuts_what_one_run_keeps() -> None:
    """To a preview, its size and its hash."""
    with AgentTrace(store="memory://", max_content_bytes=2048) as trace:
        with trace.tool_call("work", input="x" * 5000):
            pass
        (run,) = trace.query.runs()
    assert run.content is not None
    cut = run.content["input"]
    assert (cut["truncated"], cut["bytes"], cut["hash"][:8]) == (True, 5002, "blake2b:")


def test_a_callable_redacts_on_top_of_the_rules() -> None:
    """It sees the key and the text; without redaction all is kept."""

    def extra(key: str | None, text: str) -> str:
        return "[NAME]" if key == "name" else text

    for redact, kept in ((extra, "[NAME]"), (True, "Ann"), (False, "Ann")):
        with AgentTrace(store="memory://", redact=redact) as trace:
            with trace.tool_call("work", input={"name": "Ann", "password": "hunter2"}):
                pass
            (run,) = trace.query.runs()
        assert run.content is not None
        assert run.content["input"]["name"] == kept
        assert (run.content["input"]["password"] == "hunter2") is (redact is False)


# -- folders -------------------------------------------------------------------------------------------------


def test_a_journal_folder_is_where_the_file_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where the program is now, whatever it names: `..` behind a link is the link's own parent."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "real" / "deep")
    monkeypatch.chdir(tmp_path)
    for given in ("here/link/../journal/", Path("here/link/../journal")):
        with AgentTrace("traces.db", journal_dir=given) as trace:
            with trace.master("turn"):
                pass
            folder = trace.stats().journal_dir
            assert folder is not None
            assert Path(folder).resolve().parent == tmp_path / "real" / "journal"


def test_a_user_without_a_home_has_to_name_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals of a server's store lie in the user's folders: else they would lie wherever the program was started."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(ConfigurationError, match=r"journal_dir: .* XDG_STATE_HOME"):
        AgentTrace("chdb:///x?database=a")


def test_settings_of_the_journal_are_those_that_there_are() -> None:
    """Who leaves out the root, or misspells a setting, hears of it at once."""
    assert JournalSettings(root=None).replaced(max_bytes=5).max_bytes == 5
    with pytest.raises(TypeError, match="root"):
        JournalSettings(max_bytes=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="max_byte: no such setting"):
        JournalSettings(root=None, max_byte=5)  # type: ignore[call-arg]


def test_an_object_has_what_the_module_has() -> None:
    """The module's functions are those of a default object; `AgentTrace` itself and modules are none."""
    names = {name for name in agenttrace.__all__ if inspect.isfunction(getattr(agenttrace, name))} - {"configure"}
    assert {name for name in names if not callable(getattr(AgentTrace, name, None))} == set()


def test_an_objects_context_is_the_one_of_all(tmp_path: Path) -> None:
    """What travels is the innermost span, whichever tracer made it."""
    with AgentTrace(store="memory://") as one, AgentTrace(store="memory://") as other:
        with one.master("turn") as turn:
            assert other.current() is one.current() is turn
            headers = other.inject({})
            current = other.wrap(other.current)
        assert headers["traceparent"].split("-")[1:3] == [turn.trace_id, turn.span_id]
        with other.extract(headers), other.span("step") as step:
            assert step.trace_id == turn.trace_id
        assert current() is not step
