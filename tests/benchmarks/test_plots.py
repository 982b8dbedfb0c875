"""Plots are made of figures and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.plots import draw

FOUND: dict[str, Any] = {
    "turn": {"rounds": [{"ours": {"traced": 5.0 + n, "all": 20.0}, "sdk": {"traced": 40.0 + n}} for n in range(3)]},
    "imports": {"ms": {"floor": [60.0, 62.0], "ours": [70.0, 75.0]}},
    "peers": {
        "rounds": [{"ours": {"traced": 5.0, "all": 20.0}, "Langfuse": {"skipped": "no"}, "eliot": {"traced": 16.0}}],
        "imports": {"ours": [70.0], "eliot": [120.0]},
    },
}


def test_the_same_figures_make_the_same_files(tmp_path: Path) -> None:
    """Byte for byte, small, with no time in them; what was skipped has no bar."""
    one, other = (draw(FOUND, tmp_path / name) for name in ("one", "other"))
    assert [path.name for path in one] == [
        "traced.svg",
        "all-threads.svg",
        "import.svg",
        "peers-traced.svg",
        "peers-all-threads.svg",
        "peers-import.svg",
    ]
    for path, again in zip(one, other, strict=True):
        text = path.read_text(encoding="utf-8")
        assert text == again.read_text(encoding="utf-8")
        assert len(text) < 60_000
        assert "date>" not in text
        assert "Langfuse" not in text
