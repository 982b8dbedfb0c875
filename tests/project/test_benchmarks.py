"""The benchmarks work, and verify what they measured; what they measure is no test's business."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.project.pages import ROOT
from tests.project.test_docs import clean_environment


def test_the_benchmark_of_recording_verifies_its_runs(tmp_path: Path) -> None:
    """Every call that was measured is in the store, its secrets are not."""
    script = ROOT / "benchmarks" / "record.py"
    ran = subprocess.run(
        [sys.executable, str(script), "--calls", "200", "--rounds", "2"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "verified by a second process: 600 runs" in ran.stdout
