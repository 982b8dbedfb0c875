"""What is shipped and what is tracked: types, licence, version, and nothing of one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

import pytest

import agenttrace

ROOT = Path(__file__).resolve().parents[2]

# Folders of one machine, and hosts that serve packages. Written so that this file does not hold them itself.
FOREIGN = re.compile(
    "|".join(
        [
            r"/ho" + r"me/\w+/",
            r"/Us" + r"ers/\w+/",
            r"/ro" + r"ot/",
            r"/op" + r"t/\w+",
            r"/wo" + r"rk/",
            r"C:\\\\Us" + r"ers",
            r"files\.python" + r"hosted",
            r"pypi\." + r"org/simple",
            r"index-" + r"url",
            r"registry\." + r"npmjs",
        ]
    )
)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    """Return the files that a clone has (or will have, once added)."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_types_are_shipped() -> None:
    """py.typed lies in the package, and the build takes it along."""
    assert Path(agenttrace.__file__).parent == ROOT / "src" / "agenttrace"
    assert (ROOT / "src" / "agenttrace" / "py.typed").is_file()
    assert "py.typed" in project()["tool"]["setuptools"]["package-data"]["agenttrace"]


def test_the_licence_is_whole() -> None:
    """LICENSE is the text that the metadata names."""
    assert project()["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_version_is_told_once() -> None:
    """The installed version is the project's, and the changelog has it."""
    told = project()["project"]["version"]
    assert version("agenttrace-otel") == told
    assert f"## [{told}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_command_comes_with_its_extra() -> None:
    """The extra that the command asks for when it is missing exists."""
    extras = metadata("agenttrace-otel").get_all("Provides-Extra") or []
    assert "cli" in extras


def test_nothing_of_one_machine_is_tracked() -> None:
    """No file names a folder of a machine or the host of a package index."""
    wrong = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in tracked()
        if (found := FOREIGN.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert wrong == []


def test_files_stay_small() -> None:
    """A file is one noun: none of the source has more than 600 lines."""
    long = {path.name: lines for path in (ROOT / "src").rglob("*.py") if (lines := count(path)) > 600}
    assert long == {}


def count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
