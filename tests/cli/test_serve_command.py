"""`agenttrace serve`, as a real process: it starts, answers, and SIGTERM ends it once what is under way is answered."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace

pytest.importorskip("uvicorn")

SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "chat",
    "startTimeUnixNano": "1780000000000000000",
    "endTimeUnixNano": "1780000001000000000",
    "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
}
BODY = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}).encode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give a server of a new store, and its port."""
    command = [sys.executable, "-m", "agenttrace.cli", "serve", "--store", str(tmp_path / "traces.db"), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise AssertionError("the server ended at once")
        yield process, int(found[1])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)
        process.stderr.close()


def _ask(port: int, path: str, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_it_answers_until_it_is_told_to_end(server: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    """What began before SIGTERM is answered, what comes later is not, and what was sent in is in the store."""
    process, port = server
    assert _ask(port, "/healthz") == (200, {"status": "ok"})
    assert _ask(port, "/api/public/run-logs")[0] == 401
    with AgentTrace(tmp_path / "traces.db") as trace:
        key = trace.keys.create(name="test", role="admin", scopes=["read", "ingest"]).key
    assert _ask(port, "/v1/analytics/ask-ai/logs", authorization=f"Bearer {key}")[0] == 200

    under_way = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    under_way.putrequest("POST", "/v1/traces")
    for name, value in {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Content-Length": str(len(BODY)),
    }.items():
        under_way.putheader(name, value)
    under_way.endheaders(BODY[:20])
    _ask(port, "/healthz")  # the server has seen what was sent before
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert any("Shutting down" in line for line in process.stderr)
    with pytest.raises(OSError):
        _ask(port, "/healthz")
    under_way.send(BODY[20:])
    answer = under_way.getresponse()
    assert (answer.status, answer.read()) == (200, b"{}")
    under_way.close()
    assert process.wait(30) == 0
    with AgentTrace(tmp_path / "traces.db") as trace:
        assert [run.name for run in trace.query.runs()] == ["chat"]
        actions = [entry.action for entry in trace.query.audit()]
        assert sorted(actions) == ["ask_ai_logs.queried", "runs.ingested"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (("--no-auth", "--host", "0.0.0.0"), "--no-auth"),  # noqa: S104
        (("--rate", "x"), "rates"),
        (("--cache-ttl", "5000"), "--cache-ttl"),
        (("--cache-ttl", "nan"), "ttl"),
        (("--port", "70000"), "--port"),
    ],
)
def test_wrong_use_is_status_2(
    agenttrace_command: Callable[..., Any], tmp_path: Path, wrong: tuple[str, ...], named: str
) -> None:
    """It names the option, and makes no store."""
    said = agenttrace_command("serve", *wrong, "--store", tmp_path / "traces.db")
    assert said.status == 2
    assert named in said.err
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_taken_is_status_1(server: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    """And says which, without a stack trace."""
    _, port = server
    command = [sys.executable, "-m", "agenttrace.cli", "serve", "--store", str(tmp_path / "other.db")]
    ran = subprocess.run([*command, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert str(port) in ran.stderr
    assert "Traceback" not in ran.stderr
