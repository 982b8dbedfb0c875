"""Every section of `python -m benchmarks` measures, verifies and tells; what it measures is no test's business."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures
from benchmarks.__main__ import SECTIONS, machine, report
from benchmarks.figures import Goal, Table
from benchmarks.pages import put
from benchmarks.ways import WAYS, count

#: Much smaller than the quick form; what is left out has the size that the section gives it.
SMALL: dict[str, Any] = {
    "backlog": 200,
    "counts": [1, 10],
    "depths": [5, 10],
    "records": 2_000,
    "samples": 250,
    "sizes": [100, 200],
    "slices": 1,
    "spans": 100,
    "times": 1,
    "turns": 100,
}


def small(module: str, measure: str, **arguments: Any) -> dict[str, Any]:
    return figures.measured(module, measure, **{name: SMALL.get(name, value) for name, value in arguments.items()})


def numbers(found: Any) -> Iterator[float]:
    if isinstance(found, dict):
        for value in found.values():
            yield from numbers(value)
    elif isinstance(found, list):
        for value in found:
            yield from numbers(value)
    elif isinstance(found, int | float):
        yield found


@pytest.mark.parametrize("name", sorted(set(SECTIONS) - {"imports"}))
def test_a_section_finds_figures_and_fills_its_tables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row has a cell a column, each figure is a number, and what was asked for is told; all of it fits JSON."""
    section = SECTIONS[name]
    monkeypatch.setattr(section, "measured", small)
    found = json.loads(json.dumps(section.measure(quick=True)))
    assert all(math.isfinite(number) for number in numbers(found))
    assert "skipped" not in json.dumps(found)
    assert section.goals(found)
    assert all(goal.values for goal in section.goals(found))
    for table in section.tables(found):
        assert table.rows
        assert {len(row) for row in table.rows} == {table.width}
    said = report({"machine": machine(0.0, quick=True), name: found})
    assert all(f"### {table.title}" in said for table in section.tables(found))


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    """The JSON of the quick form, loaded again, makes the same tables."""
    file = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks"]
    first = subprocess.run(
        [*command, "--quick", "--only", "imports", "--json", str(file)],
        cwd=figures.ROOT,
        env=figures.environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    found = json.loads(file.read_text(encoding="utf-8"))
    assert set(found) == {"machine", "imports"}
    assert found["machine"]["quick"]
    assert {len(taken) for taken in found["imports"]["ms"].values()} == {3}
    again = subprocess.run(
        [*command, "--load", str(file)], cwd=figures.ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert again.stdout == first.stdout


@pytest.mark.parametrize("name", WAYS)
def test_a_way_keeps_what_it_records(name: str, tmp_path: Path) -> None:
    """Two turns, a long prompt and a call are twelve spans in the store of each way that has one."""
    if name == "ours, process" and not sys.platform.startswith("linux"):
        pytest.skip("the CPU time of another process is read as Linux tells it")
    code = (
        "import sys; from pathlib import Path; from benchmarks.ways import WAYS\n"
        "way = WAYS[sys.argv[1]](Path(sys.argv[2]))\n"
        "way.turn(); way.turn(); way.long_prompt(); way.call(); way.settle()\n"
        "assert not way.busy(); print(way.others() >= 0, way.close())"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, name, str(tmp_path)],
        cwd=figures.ROOT,
        env=figures.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    expected = 0 if name == "sdk" else 12
    assert ran.stdout.split() == ["True", str(expected)]
    if expected:
        (store,) = tmp_path.glob("*.db")
        assert count(store, "run" if "ours" in name else "span") == expected


def test_a_goal_tells_whether_it_is_reached() -> None:
    """The median decides; where nothing was measured nothing is claimed."""
    assert Goal("traced", [0.1, 0.19, 0.5], 0.2).cells() == ["traced", "0.190 (0.100 to 0.500)", "0.2", "yes"]
    assert Goal("traced", [0.3], 0.2).line() == "traced: 0.300, at most 0.2 is asked for: no"
    assert Goal("traced", [], 0.2).cells() == ["traced", "not measured", "0.2", ""]


def test_a_row_that_was_skipped_says_why() -> None:
    """A way that this installation does not have stands in the table by its name."""
    row = figures.said("sdk", {"sdk": "SDK"}, {"skipped": "not there"})
    assert Table("Turn", ["", "a", "b"], [row]).markdown().splitlines()[-1] == "| SDK | skipped: not there |  |"
    each = figures.rounds(2, ["one", "two"], lambda name: {"skipped": "no"} if name == "two" else {"cpu": 1.0})
    assert each == [{"one": {"cpu": 1.0}, "two": {"skipped": "no"}}] * 2
    assert figures.ratio(each, "cpu", "one", "two") == []


def test_figures_are_put_between_the_marks_of_a_page(tmp_path: Path) -> None:
    """Again and again, and nothing else of the page is touched; a page without marks is left alone."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- peers -->\nold\n<!-- end of peers -->\n\nThe end.\n", encoding="utf-8")
    for text in ("| a |", "| b |"):
        put(page, "peers", text)
        found = page.read_text(encoding="utf-8")
        assert found == f"# Page\n\n<!-- peers -->\n\n{text}\n\n<!-- end of peers -->\n\nThe end.\n"
    with pytest.raises(SystemExit, match="benchmarks"):
        put(page, "benchmarks", "| c |")
    assert page.read_text(encoding="utf-8") == found


@pytest.mark.parametrize("name", ["benchmarks", "peers"])
def test_the_page_of_figures_has_its_marks(name: str) -> None:
    """docs/performance.md takes what both commands find."""
    page = (figures.ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page.count(f"<!-- {name} -->\n") == page.count(f"<!-- end of {name} -->\n") == 1
