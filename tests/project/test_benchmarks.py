"""The benchmarks work, and verify what they measured; what they measure is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.project.pages import ROOT
from tests.project.test_docs import clean_environment


def run(folder: Path, name: str, *arguments: str) -> str:
    """Run a benchmark to its end, in another process; return what it printed."""
    ran = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / name), *arguments],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_benchmark_of_recording_verifies_its_runs(tmp_path: Path) -> None:
    """Every call that was measured is in the store, its secrets are not."""
    printed = run(tmp_path, "record.py", "--calls", "200", "--rounds", "2")
    assert "verified by a second process: 600 runs" in printed


def test_the_benchmark_of_ingest_verifies_its_runs(tmp_path: Path) -> None:
    """Every span that was measured is a run with its content, both ways in."""
    printed = run(tmp_path, "ingest.py", "--spans", "100", "--rounds", "2")
    assert "verified: 225 runs in the store" in printed
    assert "verified: 200 runs in the store" in printed


def test_the_benchmark_of_the_endpoints_verifies_its_answers(tmp_path: Path) -> None:
    """Every view is asked, and answers what it should; a line each."""
    printed = run(tmp_path, "http.py", "--runs", "10000", "--seconds", "0.1", "--rounds", "1")
    assert [line[:14].strip() for line in printed.splitlines()[2:-1]] == [
        "run logs",
        "run logs, cold",
        "agent events",
        "action logs",
        "Ask AI logs",
        "prompt logs",
    ]
    assert printed.splitlines()[-1].startswith("run logs reach ")


def test_the_benchmark_of_the_disk_verifies_its_prompts(tmp_path: Path) -> None:
    """Every prompt comes back as it was recorded; what the turns of long conversations take is in the file."""
    figures = tmp_path / "disk.json"
    printed = run(tmp_path, "disk.py", "--turns", "20", "--quick", "--json", str(figures))
    assert "every prompt came back as it was recorded" in printed
    found = json.loads(figures.read_text())
    assert found["prompts alone, at turn 20"]["times"] > 1
    assert found["root and prompt, on the average"]["whole rows"] > 0
