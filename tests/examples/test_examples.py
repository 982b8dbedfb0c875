"""The examples run as they stand, each in a folder of its own, and record what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

import agenttrace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example and return what it printed, with all that differs from run to run replaced."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AGENTTRACE_")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments],
        cwd=folder,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return normal(ran.stdout)


def normal(text: str) -> str:
    text = re.sub(r"\d+(\.\d+)?(e[-+]\d+)? (ms|s)\b", "N ms", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_every_example_is_tested() -> None:
    """A new example comes with a test here."""
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in EXAMPLES.glob("*.py") if f'"{path.stem}"' not in tested] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_small_examples_fit_one_screen(path: Path) -> None:
    """Only the whole agent is longer than a screen."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 50 or path.stem == "support_agent"


def test_async_agent(tmp_path: Path) -> None:
    """Tools that run side by side hang under the turn that gathered them."""
    assert run("async_agent", tmp_path) == snapshot("""\
Oslo: 12 degrees; Oslo: nothing happened
✓ master briefing  N ms  Oslo → Oslo: 12 degrees; Oslo: nothing happened
├─ ✓ plan what to ask  N ms  ["weather","news"]
├─ ✓ tool_call weather  N ms  {"city":"Oslo"} → Oslo: 12 degrees
└─ ✓ tool_call news  N ms  {"city":"Oslo"} → Oslo: nothing happened\
""")


def test_threads(tmp_path: Path) -> None:
    """Calls in a pool's threads hang under the turn that submitted them."""
    lines = run("threads", tmp_path).splitlines()
    # Threads start in no fixed order.
    assert [*lines[:2], *sorted(line[3:] for line in lines[2:])] == snapshot(
        [
            "['page 0', 'page 1', 'page 2']",
            '✓ master read  N ms  3 → ["page 0","page 1","page 2"]',
            '✓ tool_call fetch  N ms  {"page":0} → page 0',
            '✓ tool_call fetch  N ms  {"page":1} → page 1',
            '✓ tool_call fetch  N ms  {"page":2} → page 2',
        ]
    )


def test_streaming(tmp_path: Path) -> None:
    """A stream that is closed early keeps the words that came."""
    assert run("streaming", tmp_path) == snapshot("""\
It is Tuesday.
It
✓ master answer  N ms  Which day is it? → It is Tuesday.
└─ ✓ prompt engage_user  N ms  scripted-1 → It is Tuesday.
✓ master hang_up  N ms  Which day is it? → It
└─ ✗ prompt engage_user  N ms  scripted-1 → It → GeneratorExit\
""")


def test_two_processes(tmp_path: Path) -> None:
    """The other process's tool call hangs under this one's turn, with its session."""
    assert run("two_processes", tmp_path) == snapshot("""\
110.00
✓ master exchange  N ms  100 → 110.00000000000001
└─ ✓ tool_call convert  N ms  {"amount":100.0} → 110.00000000000001\
""")
    with agenttrace.AgentTrace(f"sqlite:///{tmp_path}/two_processes.db") as trace:
        assert {run.name for run in trace.query.runs(session_id="ase_exchange")} == {"exchange", "convert"}


def test_asgi_mounted(tmp_path: Path) -> None:
    """Whoever is not signed in gets nothing, whoever is gets the workspace's runs."""
    assert run("asgi_mounted", tmp_path) == snapshot("""\
401
1 {'input': {'question': 'My widget is dark'}, 'output': 'Hold the button for three seconds.'}\
""")


def test_asgi_standalone(tmp_path: Path) -> None:
    """The key opens what is closed without it."""
    assert run("asgi_standalone", tmp_path) == snapshot("""\
unauthorized
59 ['input_message', 'agent_output']\
""")


def test_manual_spans(tmp_path: Path) -> None:
    """Spans that are ended by hand show how each ended, and which one waits still."""
    assert run("manual_spans", tmp_path) == snapshot("""\
refunded
✓ master refund  N ms  40 → refunded
├─ ✓ approval a human agrees  N ms  {"amount":40} → approved
├─ ✗ transfer to accounting  N ms  TimeoutError: nobody picked up
└─ ○ receipt to the customer  …\
""")


def test_support_agent(tmp_path: Path) -> None:
    """The whole agent answers from the docs, and shows its trees, events and prompts."""
    printed = run("support_agent", tmp_path, "--folder", str(tmp_path)).replace(str(tmp_path), "FOLDER")
    assert (tmp_path / "agenttrace.db").is_file()
    assert "\nIt is 256. See " in printed
    assert "\nI could not do that: " in printed
    # What it says changes with the documentation; what is recorded does not.
    recorded = printed.partition("\n\n")[2].splitlines()
    outline = [re.sub(r"  N ms.*|(?<=^\w{5})(\w*) +\S.*", r"\1", line) for line in recorded]
    assert "\n".join(outline) == snapshot("""\
The turns of the session, as trees

✓ master answer
├─ ✓ context search_docs
├─ ✓ prompt choose_action
└─ ✓ prompt engage_user
✓ master answer
├─ ✓ context search_docs
├─ ✓ prompt choose_action
├─ ✓ tool_call calculator
└─ ✓ prompt engage_user
✓ master answer
├─ ✓ context search_docs
├─ ✓ prompt choose_action
├─ ✗ tool_call open_ticket
└─ ✓ prompt engage_user

Its events, in the order they happened

input_message
agent_output
input_message
thinking
tool_input
tool_output
agent_output
input_message
thinking
tool_input
tool_output
agent_output

Its prompts, newest first

engage_user
choose_action
engage_user
choose_action
engage_user
choose_action

All of it is in FOLDER/agenttrace.db\
""")


def test_support_agent_without_rich(tmp_path: Path) -> None:
    """Where the extra `cli` is not installed the agent prints the same, plainly."""
    blocked = "import sys, runpy; sys.modules['rich.console'] = None; sys.argv = sys.argv[1:]; "
    run_it = f"runpy.run_path({str(EXAMPLES / 'support_agent.py')!r}, run_name='__main__')"
    ran = subprocess.run(
        [sys.executable, "-c", blocked + run_it, "support_agent.py", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=60,
        check=True,
    )
    (tmp_path / "rich").mkdir()
    with_rich = run("support_agent", tmp_path, "--folder", str(tmp_path / "rich"))
    assert normal(ran.stdout) == with_rich.replace(str(tmp_path / "rich"), str(tmp_path))
