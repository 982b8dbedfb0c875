"""The documentation is true and complete: its code runs, its links lead somewhere, and it leaves nothing out."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import uuid
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

import agenttrace
from agenttrace.cli.app import app
from agenttrace.model import ids
from agenttrace.parameters import Settings
from agenttrace.store import tables
from tests.project.pages import DOCS, ROOT, anchors, blocks, links, pages, prose

CODED = [page for page in pages() if any(block.language == "python" for block in blocks(page))]
QUERIED = [page for page in pages() if any(block.language == "sql" for block in blocks(page))]


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENTTRACE_")}


@pytest.mark.parametrize("page", CODED, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """The Python blocks of a page, one after the other, are a program that works; `notest` marks fragments."""
    lines: list[str] = []
    for block in blocks(page):
        if block.language == "python" and "notest" not in block.marks:
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.text.splitlines()
    script = tmp_path / f"{page.stem}.py"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, f"{page.relative_to(ROOT)}: the line numbers are the page's\n{ran.stderr}"


@pytest.mark.parametrize("page", QUERIED, ids=lambda page: page.stem)
def test_the_sql_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """The SQL blocks of a page are answered by a store as it is made."""
    store = tmp_path / "traces.db"
    code = f"import agenttrace; agenttrace.configure('sqlite:///{store}')\n" + TURN
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=clean_environment(), cwd=tmp_path)
    with sqlite3.connect(store) as connection:
        for block in blocks(page):
            if block.language == "sql":
                for statement in filter(str.strip, block.text.split(";")):
                    assert connection.execute(statement).description, str(block)
    connection.close()


TURN = """
@agenttrace.master(agent_key="agt_support")
def answer(question):
    with agenttrace.tool_call("search_kb", input={"query": question}) as call:
        call.output = ["page"]
    with agenttrace.prompt("engage_user", model="m") as turn:
        turn.response = "yes"
        turn.usage(input_tokens=3, output_tokens=1)
    return "yes"
with agenttrace.scope(session_id="ase_demo", ai_contact_id="4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"):
    answer("Is it on?")
agenttrace.shutdown()
"""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """A link inside the project names a file that exists, and a heading that it has."""
    dead: list[str] = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    """docs/index.md leads to every page."""
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "index.md")}
    assert {page for page in DOCS.rglob("*.md") if page.name != "index.md"} <= linked


def test_every_public_name_is_in_the_docs() -> None:
    """Each name of `agenttrace.__all__` stands as code on some page."""
    text = everything()
    missing = [name for name in agenttrace.__all__ if not re.search(rf"\b{name}\b[^`\n]*`|agenttrace\.{name}\b", text)]
    assert missing == []


def test_every_setting_is_in_the_docs() -> None:
    """Each setting that `configure` takes has its row in docs/configuration.md, with its default."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in ("store", *Settings.__annotations__) if f"| `{name}` |" not in text] == []


def test_every_counter_is_in_the_docs() -> None:
    """Each field of `Stats` has its row in docs/configuration.md."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(agenttrace.Stats) if f"| `{field.name}` |" not in text] == []


def test_every_environment_variable_is_in_the_docs() -> None:
    """Each AGENTTRACE_ variable that the source names stands in docs/configuration.md."""
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in sorted(set(re.findall(r"\bAGENTTRACE_[A-Z_]+\b", source))) if name not in text] == []


def test_every_command_and_option_is_in_the_docs() -> None:
    """docs/cli.md has a heading for each command, and below it each of its options."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    missing: list[str] = []
    for name, options in command_line().items():
        head, found, section = text.partition(f"## agenttrace {name}")
        section = section.partition("\n## ")[0] + head  # options of every command stand at the top of the page
        missing += [f"{name} {option}" for option in options if not found or f"`{option}`" not in section]
    assert missing == []


def test_commands_without_a_common_option_are_named() -> None:
    """The table at the top of docs/cli.md says which commands do not take an option that most take."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    for option in ("--store", "--workspace", "--json"):
        without = {name.partition(" ")[0] for name, options in command_line().items() if option not in options}
        (row,) = re.findall(rf"(?m)^\| `{option}` \|.*$", text.partition("\n## ")[0])
        assert set(re.findall(r"`([a-z-]+)`", row.partition("Not of")[2])) == without


def test_every_table_and_column_is_in_the_docs() -> None:
    """docs/stores.md has each table of a store, and each of its columns in order."""
    text = (DOCS / "stores.md").read_text(encoding="utf-8").partition("\n## Tables\n")[2]
    documented = {
        section.partition("\n")[0]: re.findall(r"(?m)^\| `(\w+)` \|", section) for section in text.split("\n### ")[1:]
    }
    assert documented == {table.name: list(table.columns.keys()) for table in tables.metadata.tables.values()}


def command_line() -> dict[str, list[str]]:
    """Return the options of each command by its name; a command of a group has the group's name before its own."""
    commands: dict[str, Any] = dict(typer.main.get_command(app).commands)
    for group in [name for name, command in commands.items() if hasattr(command, "commands")]:
        commands |= {f"{group} {name}": command for name, command in commands.pop(group).commands.items()}
    return {
        name: [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        for name, command in commands.items()
    }


def test_the_id_vectors_are_true() -> None:
    """The runs' UUIDs and the session keys in docs/ids.md are those that the code computes."""
    text = (DOCS / "ids.md").read_text(encoding="utf-8")
    vectors = re.findall(r"\| `([0-9a-f]{32})` \| `([0-9a-f]{16})` \| `([0-9a-f-]{36})` \|", text)
    assert len(vectors) >= 5
    for trace, span, run in vectors:
        assert uuid.UUID(bytes=ids.run_id(int(trace, 16), int(span, 16))) == uuid.UUID(run)
    assert str(ids.DEFAULT_WORKSPACE) in text
    workspace = ids.DEFAULT_WORKSPACE.bytes
    sessions = re.findall(r"\| `([^`]+)` \| `([0-9a-f-]{36})` \| `(ase_[^`]+)` \|", text)
    assert len(sessions) >= 4
    for given, session, key in sessions:
        assert uuid.UUID(bytes=ids.session_id(workspace, given)) == uuid.UUID(session)
        assert ids.session_key(workspace, given) == key
    agents = re.findall(r"\| `([^`]+)` \| `(agt_[^`]+)` \|", text)
    assert len(agents) >= 3
    assert [(given, ids.agent_key(given)) for given, _ in agents] == agents


def everything() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in pages())


def test_prose_has_no_leftovers() -> None:
    """Nothing is left to be written."""
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|TB" + r"D|lorem)\b")
    assert [page.name for page in pages() if marks.search(prose(page))] == []
