"""Runs made by hand, a store to look at, and the command as a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import agenttrace
from agenttrace.cli import main
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.run import Run

NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Give a maker of runs that differ in what a test is about; they start a second apart and take 12 ms."""
    numbers = count(1)

    def make(**given: Any) -> Run:
        number = next(numbers)
        start = given.pop("start_time", NOON + timedelta(seconds=number))
        return Run(
            **{
                "id": UUID(int=number),
                "trace_id": f"{1:032x}",
                "span_id": f"{number:016x}",
                "parent_id": None,
                "run_type": "tool_call",
                "name": f"run {number}",
                "status": "success",
                "start_time": start,
                "end_time": start + timedelta(milliseconds=12),
                "content": None,
                "error": None,
                "workspace_id": DEFAULT_WORKSPACE,
                "agent_key": None,
                "session_id": None,
                "conversation_id": None,
                "call_sid": None,
                "ai_contact_id": None,
                "user_id": None,
                "team_id": None,
                "attributes": {},
                **given,
            }
        )

    return make


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with two turns of one session; what they recorded would like to act on a terminal."""
    path = tmp_path_factory.mktemp("store") / "traces.db"
    with agenttrace.AgentTrace(f"sqlite:///{path}") as trace:
        with trace.scope(session_id="ase_demo", user_id="usr_ada", agent_key="agt_support"):
            with trace.master("answer", input="Is it [bold]on[/bold]?\x1b[2J") as turn:
                with trace.tool_call("search_kb", input={"query": "on"}) as call:
                    call.output = ["page"]
                turn.thinking("It may be off.")
                with trace.prompt(
                    "engage_user", model="gpt-5", system_prompt="Be\x07brief.", history=[{"a": 1}]
                ) as said:
                    said.response = "Yes :smile:"
                turn.output = "Yes"
            with suppress(ValueError), trace.master("fail", input="x"):
                raise ValueError("no\x9bway")
        assert trace.flush(timeout=30)
    return path


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    out: str
    err: str
    status: int

    @property
    def documents(self) -> list[dict[str, Any]]:
        """What it printed, as one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def agenttrace_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Give the command as a function of its arguments."""
    monkeypatch.delenv("AGENTTRACE_STORE", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)

    def command(*arguments: object) -> Said:
        monkeypatch.setattr("sys.argv", ["agenttrace", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return Said(printed.out, printed.err, int(left.value.code or 0))

    return command
