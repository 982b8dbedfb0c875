"""Run what a page of docs/frameworks shows, as a reader would, and read what it left in the store.

Blocks with the same word after the fence belong together: `bash` exports the environment, `python` is the program,
`text` is the tree that it leaves.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from agenttrace import AgentTrace
from agenttrace.model.run import Run
from tests.project.pages import DOCS, blocks

PAGES = DOCS / "frameworks"
# Packages of single examples that contradict those of others; `make test-frameworks` puts them there.
BESIDE = Path(sys.prefix) / "beside"


@dataclass(frozen=True)
class Shown:
    """One example of a page."""

    page: Path
    name: str
    environment: dict[str, str]
    program: str
    tree: str

    def __str__(self) -> str:
        return f"{self.page.stem}:{self.name}"


@dataclass(frozen=True)
class Recorded:
    """What an example left behind."""

    roots: list[Run]
    prompts: int
    printed: str

    @property
    def tree(self) -> str:
        return "\n".join(line for root in self.roots for line in drawn(root))

    @property
    def runs(self) -> list[Run]:
        return [run for root in self.roots for run in below(root)]

    def of(self, run_type: str) -> list[Run]:
        return [run for run in self.runs if run.run_type == run_type]


def shown() -> dict[str, Shown]:
    """Return the examples that run, by `page:name`."""
    return {str(example): example for page in sorted(PAGES.glob("*.md")) for example in _examples(page)}


def _examples(page: Path) -> list[Shown]:
    parts: dict[str, dict[str, str]] = {}
    for block in blocks(page):
        names = [mark for mark in block.marks if mark != "notest"]
        if names:
            parts.setdefault(names[0], {})[block.language] = "\n" * (block.line - 1) + block.text
    return [
        Shown(
            page=page,
            name=name,
            environment=dict(re.findall(r"(?m)^export (\w+)=(\S+)$", part.get("bash", ""))),
            program=part["python"],
            tree=part.get("text", "").strip(),
        )
        for name, part in parts.items()
        if "python" in part
    ]


def run(example: Shown, folder: Path, api: str) -> Recorded:
    """Run an example in an empty folder against the API at a URL; its warnings are its own."""
    script = folder / f"shown_{example.name}.py"
    script.write_text(example.program, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        env=_environment(example, api) | example.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, f"{example.page.name}: the line numbers are the page's\n{ran.stderr}"
    return read(folder / "agenttrace.db", ran.stdout + ran.stderr)


def _environment(example: Shown, api: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not re.match(r"AGENTTRACE_|OTEL_|OPENAI_|LANG", name)}
    known = {"OPENAI_BASE_URL": api, "OPENAI_API_BASE": api, "OPENAI_API_KEY": "not-a-key", "NO_PROXY": "127.0.0.1"}
    return kept | known | {"PYTHONPATH": str(BESIDE / str(example).replace(":", "-"))}


def read(store: Path, printed: str) -> Recorded:
    """Return what is in a store: whole trees, oldest first."""
    assert store.exists(), f"the example recorded nothing\n{printed}"
    with AgentTrace(store=store, journal_dir=store.parent / "agenttrace.db.journal") as trace:
        query = trace.query
        heads = [head for head in query.runs() if head.parent_id is None]
        roots = [query.trace(head.id) for head in sorted(heads, key=lambda head: head.start_time)]
        workspaces = {str(head.workspace_id) for head in heads}
        prompts = sum(len(query.prompt_logs(workspace, limit=100).items) for workspace in workspaces)
    return Recorded(roots=roots, prompts=prompts, printed=printed)


def below(run: Run) -> list[Run]:
    return [run, *(found for child in run.children for found in below(child))]


def drawn(run: Run, depth: int = 0) -> list[str]:
    """Return a tree as lines: type, name, status if it is no success, indented."""
    status = "" if run.status == "success" else f" ({run.status})"
    line = "  " * depth + f"{run.run_type} {run.name}{status}"
    return [line, *(found for child in run.children for found in drawn(child, depth + 1))]
