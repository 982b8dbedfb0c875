"""Schemathesis on the served document, against a real uvicorn: all checks, no 5xx, no answer that is not documented."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agenttrace import AgentTrace
from tests.asgi.asgi_support import TEAM, USER, WORKSPACE, record, served

#: How many requests are generated for each operation and kind of test; more of them look deeper.
EXAMPLES = os.environ.get("AGENTTRACE_EXAMPLES", "2")

#: 400 is documented for what a schema cannot say: a window of days, a page key of ours, filters that exclude others.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404"]
"""


def test_every_answer_is_as_documented(tmp_path: Path) -> None:
    """Generated requests, good and bad, with and without a key."""
    with AgentTrace(tmp_path / "traces.db") as trace:
        record(trace)
        owner = {"workspace_id": WORKSPACE, "user_id": USER, "team_ids": [TEAM], "role": "admin"}
        key = trace.keys.create(name="test", **owner, scopes=["read", "ingest", "manage"]).key
    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    with served(tmp_path / "traces.db", auth="keys") as url:
        command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml"]
        options = ["--checks", "all", "--max-examples", EXAMPLES, "--seed", "1", "--no-color"]
        # Both ways to send the key: one that is left out is filled with a wrong key, and nothing but 401 is seen.
        headers = ["-H", f"Authorization: Bearer {key}", "-H", f"X-API-Key: {key}"]
        ran = subprocess.run(
            [*command, "run", f"{url}/openapi.json", *headers, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout, ran.stdout
    assert "Authentication failed" not in ran.stdout, ran.stdout
