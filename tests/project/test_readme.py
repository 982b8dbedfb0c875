"""The README shows what is really printed, and the commands that it names exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.project.pages import ROOT, blocks
from tests.project.test_docs import clean_environment

README = ROOT / "README.md"


def normal(text: str) -> str:
    """Return the text with durations, which differ from run to run, replaced."""
    return re.sub(r"\d+(\.\d+)? (ms|s)\b", "N ms", text)


def run(*arguments: str, folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_example_prints_the_tree_it_shows(tmp_path: Path) -> None:
    """The first Python block, run as it stands, leaves what the text block shows."""
    example = next(block for block in blocks(README) if block.language == "python")
    shown = next(block for block in blocks(README) if block.language == "text")
    (tmp_path / "example.py").write_text(example.text, encoding="utf-8")
    run("example.py", folder=tmp_path)
    assert (tmp_path / "agenttrace.db").is_file()
    assert normal(run("-m", "agenttrace.cli", "tree", folder=tmp_path)) == normal(shown.text)


def test_the_make_commands_exist() -> None:
    """Every `make` command that the README names is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", README.read_text(encoding="utf-8")))
    assert named >= {"demo", "test", "check"}
    assert {name for name in named if not re.search(rf"(?m)^{name}:", makefile)} == set()


def test_the_tests_that_it_names_exist() -> None:
    """A promise that names a test or a file leads to one."""
    paths = re.findall(r"`((?:tests|benchmarks|examples|src)/[\w./]+)`", README.read_text(encoding="utf-8"))
    assert paths != []
    assert [path for path in paths if not (ROOT / path).exists()] == []
