"""The commands, on a store as a program leaves it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

import agenttrace
import agenttrace.cli

Command = Callable[..., Any]


def normal(text: str) -> str:
    """Return what was printed with what differs from run to run replaced."""
    text = re.sub(r"\d+(\.\d+)?(e[-+]\d+)? (ms|s)\b", "N ms", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?", "WHEN", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    return "\n".join(re.sub(r" {2,}", "  ", line.rstrip()) for line in text.splitlines())


def test_runs_lists_the_newest_first(agenttrace_command: Command, store: Path) -> None:
    """A row a run: start, duration, type, name, status, id."""
    said = agenttrace_command("runs", "--store", store)
    assert said.status == 0
    assert normal(said.out) == snapshot("""\
start (UTC)  duration  type  name  status  id
WHEN  N ms  master  fail  failed  ID
WHEN  N ms  prompt  engage_user  success  ID
WHEN  N ms  tool_call  search_kb  success  ID
WHEN  N ms  master  answer  success  ID\
""")


def test_runs_can_be_chosen(agenttrace_command: Command, store: Path) -> None:
    """Filters and a limit leave out what was not asked for."""

    def names(*given: object) -> list[str]:
        return [run["name"] for run in agenttrace_command("runs", "--json", "--store", store, *given).documents]

    assert names() == ["fail", "engage_user", "search_kb", "answer"]
    assert names("--type", "tool_call") == ["search_kb"]
    assert names("--status", "failed") == ["fail"]
    assert names("--name", "answer") == ["answer"]
    assert names("--roots") == ["fail", "answer"]
    assert names("--limit", 1) == ["fail"]
    assert names("--workspace", "another") == []


def test_runs_says_when_there_are_none(agenttrace_command: Command, store: Path) -> None:
    """An empty answer is not an empty screen."""
    assert agenttrace_command("runs", "--store", store, "--workspace", "another").out.strip() == "no runs"


def test_tree_draws_a_run_and_all_below(agenttrace_command: Command, store: Path) -> None:
    """Markup, emoji codes and control characters in what was recorded stay text."""
    (turn,) = agenttrace_command("runs", "--store", store, "--json", "--name", "answer").documents
    said = agenttrace_command("tree", turn["id"], "--store", store)
    assert normal(said.out) == snapshot("""\
✓ master answer  N ms  Is it [bold]on[/bold]?␛[2J → Yes
├─ ✓ tool_call search_kb  N ms  {"query":"on"} → ["page"]
└─ ✓ prompt engage_user  N ms  gpt-5 → Yes :smile:\
""")


def test_tree_without_an_id_is_the_newest_root(agenttrace_command: Command, store: Path) -> None:
    """The last turn is what one wants to see most often."""
    assert normal(agenttrace_command("tree", "--store", store).out) == snapshot(
        "✗ master fail  N ms  x → ValueError: no�way"
    )


def test_tree_takes_the_beginning_of_an_id(agenttrace_command: Command, store: Path) -> None:
    """As much of an id as only one run has is enough; too little names two of those it may be."""
    ids = [run["id"] for run in agenttrace_command("runs", "--json", "--store", store).documents]
    alone = next(i for i in range(1, 37) if sum(other.startswith(ids[0][:i]) for other in ids) == 1)
    assert agenttrace_command("tree", ids[0][:alone].upper(), "--store", store).status == 0
    said = agenttrace_command("tree", ids[0][:2], "--store", store)
    assert said.status == 2
    assert said.err.startswith("agenttrace: id: 4 runs begin with ")
    assert ids[0] in said.err


def test_tree_as_json_is_a_line_a_run(agenttrace_command: Command, store: Path) -> None:
    """Depth and parents tell the tree; content is that of the run."""
    (turn,) = agenttrace_command("runs", "--store", store, "--json", "--name", "answer").documents
    lines = agenttrace_command("tree", turn["id"], "--json", "--store", store).documents
    assert [(line["depth"], line["name"]) for line in lines] == [(0, "answer"), (1, "search_kb"), (1, "engage_user")]
    assert {line["parent_id"] for line in lines[1:]} == {turn["id"]}
    assert lines[0]["content"] == {"input": "Is it [bold]on[/bold]?\x1b[2J", "output": "Yes"}
    assert lines[0]["start_time"].endswith("Z")
    assert "children" not in lines[0]


@pytest.mark.parametrize("wanted", [uuid.uuid4(), "ffffffff", "no such thing"])
def test_an_unknown_run_is_named(agenttrace_command: Command, store: Path, wanted: object) -> None:
    """What does not exist is said in one line, with status 1."""
    said = agenttrace_command("tree", wanted, "--store", store)
    assert (said.status, said.out) == (1, "")
    assert str(wanted) in said.err
    assert "Traceback" not in said.err


def test_tree_of_an_empty_workspace(agenttrace_command: Command, store: Path) -> None:
    """Where there is no run there is no newest one."""
    said = agenttrace_command("tree", "--store", store, "--workspace", "another")
    assert (said.status, said.err) == (1, "agenttrace: no run is stored in this workspace\n")


def test_events_are_chronological(agenttrace_command: Command, store: Path) -> None:
    """A line an event, and how many there are."""
    said = agenttrace_command("events", "support", "ase_demo", "--store", store)
    assert normal(said.out) == snapshot("""\
WHEN  input_message Is it [bold]on[/bold]?␛[2J
WHEN  tool_input  search_kb  {"query":"on"}
WHEN  tool_output  search_kb  ["page"]
WHEN  thinking  It may be off.
WHEN  agent_output  Yes
WHEN  input_message x
6 events in the session\
""")


def test_events_page_by_page(agenttrace_command: Command, store: Path) -> None:
    """`--page-key` goes on where a page ended; `--all` shows all pages; `--json` gives the documented documents."""

    def ask(*given: object) -> Any:
        return agenttrace_command("events", "support", "ase_demo", "--store", store, *given)

    (first,) = ask("--limit", 2, "--json").documents
    (second,) = ask("--limit", 2, "--json", "--page-key", first["metadata"]["page_key"]).documents
    assert set(first) == {"events", "metadata"}
    pages = ask("--limit", 2, "--json", "--all").documents
    assert pages[:2] == [first, second]
    shown = [event["id"] for page in pages for event in page["events"]]
    assert len(shown) == len(set(shown)) == first["metadata"]["total_count"]
    assert f"--page-key {first['metadata']['page_key']}" in ask("--limit", 2).out
    assert ask("--limit", 2, "--all").out == ask("--limit", 100).out


@pytest.mark.parametrize(
    ("given", "status"), [(("nobody", "ase_demo"), 1), (("support", "ase_none"), 1), (("support", "ase_demo"), 2)]
)
def test_events_that_cannot_be_shown(
    agenttrace_command: Command, store: Path, given: tuple[str, str], status: int
) -> None:
    """Unknown agents and sessions exit with 1, a limit out of range with 2; each says which it is."""
    limit = ["--limit", 1000] if status == 2 else []
    said = agenttrace_command("events", *given, "--store", store, *limit)
    assert said.status == status
    assert re.search(r"nobody|ase_none|limit", said.err)


def test_prompts_are_listed(agenttrace_command: Command, store: Path) -> None:
    """A line a prompt; `--full` shows what the model was given."""
    assert normal(agenttrace_command("prompts", "--store", store).out) == snapshot("""\
WHEN  engage_user  gpt-5  Yes :smile:
1 prompt of the last 7 days\
""")
    assert normal(agenttrace_command("prompts", "--full", "--store", store).out) == snapshot("""\
WHEN  engage_user  gpt-5  Yes :smile:
  system_prompt: Be␇brief.
  history:
  {"a":1}
  llm_response: Yes :smile:
1 prompt of the last 7 days\
""")


def test_prompts_as_the_documented_document(agenttrace_command: Command, store: Path) -> None:
    """`--json` prints what `query.prompt_logs` returns; filters are passed on."""
    (document,) = agenttrace_command("prompts", "--json", "--store", store, "--type", "engage_user").documents
    with agenttrace.AgentTrace(f"sqlite:///{store}") as trace:
        expected = trace.query.prompt_logs(None, prompt_type="engage_user").model_dump(mode="json", by_alias=True)
    assert document == expected
    assert document["count"] == 1
    (none,) = agenttrace_command("prompts", "--json", "--store", store, "--type", "other").documents
    assert none["count"] == 0


def test_prompts_of_a_conversation_by_any_name(agenttrace_command: Command, tmp_path: Path) -> None:
    """The text that the program gave it does, as well as the UUID that it became."""
    with agenttrace.AgentTrace(tmp_path / "traces.db") as trace:
        with trace.scope(conversation_id="talk"), trace.prompt("engage"):
            pass
        (run,) = trace.query.runs(conversation_id="talk")
    for name in ("talk", run.conversation_id):
        (document,) = agenttrace_command(
            "prompts", "--conversation", name, "--json", "--store", tmp_path / "traces.db"
        ).documents
        assert [item["event_id"] for item in document["items"]] == [str(run.id)]
    assert agenttrace_command("prompts", "--conversation", "no", "--store", tmp_path / "traces.db").status == 1


def test_tail_once_shows_the_newest_and_stops(agenttrace_command: Command, store: Path) -> None:
    """Oldest first, as they came."""
    said = agenttrace_command("tail", "--once", "--last", 2, "--store", store)
    assert normal(said.out) == snapshot("""\
WHEN  ✓ prompt engage_user  N ms  gpt-5 → Yes :smile:  ID
WHEN  ✗ master fail  N ms  x → ValueError: no�way  ID\
""")


def test_tail_follows_what_another_program_records(store: Path, tmp_path: Path) -> None:
    """A run that starts while tail looks is shown, once when it runs and once when it ends; Ctrl-C ends it cleanly."""
    path = tmp_path / "live.db"
    with agenttrace.AgentTrace(f"sqlite:///{path}", flush_interval=0.01) as trace:
        with trace.master("before"):
            pass
        assert trace.flush(timeout=30)
        command = [sys.executable, "-m", "agenttrace.cli", "tail", "--json", "--every", "0.02", "--store", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
            try:
                assert tail.stdout is not None
                assert '"before"' in tail.stdout.readline()
                with trace.master("live"):
                    assert trace.flush(timeout=30)
                    assert '"status":"running"' in tail.stdout.readline()
                assert trace.flush(timeout=30)
                assert '"status":"success"' in tail.stdout.readline()
                tail.send_signal(signal.SIGINT)
                out, err = tail.communicate(timeout=30)
            finally:
                tail.kill()  # or a failure would wait for it without an end
    assert (tail.returncode, out, err) == (0, "", "")


def test_tail_stops_after_its_limit(agenttrace_command: Command, store: Path) -> None:
    """`--limit` counts lines."""
    assert len(agenttrace_command("tail", "--limit", 3, "--json", "--store", store).documents) == 3


@pytest.mark.parametrize("command", [["runs"], ["tree"], ["events", "a", "b"], ["prompts"], ["tail", "--once"]])
def test_a_store_that_does_not_exist_is_not_made(
    agenttrace_command: Command, tmp_path: Path, command: list[str]
) -> None:
    """Looking at nothing leaves nothing behind, and says where it looked."""
    missing = tmp_path / "missing.db"
    said = agenttrace_command(*command, "--store", missing)
    assert (said.status, said.out) == (1, "")
    assert str(missing) in said.err
    assert list(tmp_path.iterdir()) == []


def test_the_store_is_found(agenttrace_command: Command, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option goes before AGENTTRACE_STORE, and that before agenttrace.db in the working directory."""
    monkeypatch.chdir(store.parent)
    assert agenttrace_command("runs").status == 1
    monkeypatch.setenv("AGENTTRACE_STORE", f"sqlite:///{store}")
    assert agenttrace_command("runs", "--json").documents != []
    monkeypatch.setenv("AGENTTRACE_STORE", "sqlite:///elsewhere.db")
    assert agenttrace_command("runs").status == 1
    assert agenttrace_command("runs", "--json", "--store", store).documents != []


def test_a_store_that_cannot_be_used_is_said_in_one_line(agenttrace_command: Command, tmp_path: Path) -> None:
    """No stack trace for what is no store of ours, nor for a URL that nobody knows."""
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to be looked at " * 20)
    for url in (tmp_path / "text.db", "nonsense://host/db"):
        said = agenttrace_command("runs", "--store", url)
        assert said.status == 1
        assert said.err.startswith("agenttrace: ")
        assert len(said.err.splitlines()) == 1


def test_without_its_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, agenttrace_command: Command
) -> None:
    """Status 2, one line, no stack trace."""
    monkeypatch.setattr(agenttrace.cli, "find_spec", lambda name: None)
    said = agenttrace_command("runs")
    assert said.status == 2
    assert said.err == snapshot("agenttrace: the command needs typer and rich: pip install 'agenttrace-otel[cli]'\n")


@pytest.mark.parametrize(
    "given", [["runs"], ["runs", "--json"], ["tail", "--once"], ["prompts", "--json"], ["migrate"]]
)
def test_a_reader_that_leaves_ends_it_quietly(store: Path, given: list[str]) -> None:
    """`agenttrace ... | head -1` prints no error."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "agenttrace.cli", *given, "--store", str(store)]
    ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    "given",
    [["runs"], ["runs", "--json"], ["tree"], ["keys", "list", "--json"], ["export", "--otlp", "-"], ["migrate"]],
)
def test_output_that_cannot_be_written_is_said_in_one_line(store: Path, given: list[str]) -> None:
    """A full disk is status 1, and no stack trace, of the interpreter's exit neither; what is buffered counts, too."""
    if given[0] == "keys":
        with agenttrace.AgentTrace(store) as trace:
            trace.keys.create(name="ci")
    command = [sys.executable, "-m", "agenttrace.cli", *given, "--store", str(store)]
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (1, b"agenttrace: [Errno 28] No space left on device\n")


@pytest.mark.parametrize(("path", "why"), [("missing/x.json", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_written_is_said_in_one_line(
    agenttrace_command: Command, store: Path, tmp_path: Path, path: str, why: str
) -> None:
    """With the option, the path and the reason."""
    said = agenttrace_command("export", "--otlp", tmp_path / path, "--store", store)
    assert (said.status, said.err) == (1, f"agenttrace: --otlp {tmp_path / path}: cannot be written: {why}\n")


@pytest.mark.parametrize("columns", [None, "40"])
def test_lines_into_a_pipe_are_whole(tmp_path: Path, columns: str | None) -> None:
    """However narrow the terminal of who reads the pipe, a row is one line, with nothing cut but long cells."""
    with agenttrace.AgentTrace(tmp_path / "traces.db") as trace:
        with trace.master("n" * 38, input="x") as turn:
            pass
        trace.keys.create(name="a name of some words " * 2, user_id="u" * 40, team_ids=["t" * 39, "s" * 39])
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    environment |= {"COLUMNS": columns} if columns else {}

    def rows(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "agenttrace.cli", *arguments, "--store", str(tmp_path / "traces.db")]
        return subprocess.check_output(command, env=environment, text=True, timeout=60).splitlines()[1:]

    (run,) = rows("runs")
    assert run.split()[-1] == str(turn.run_id)
    assert "n" * 38 in run
    (key,) = rows("keys", "list")
    assert ["u" * 40 in key, "t" * 39 in key, "s" * 39 in key, key.rstrip().endswith("good")] == [True] * 4


def test_help_names_every_command(agenttrace_command: Command) -> None:
    """Called without arguments it says what it can do."""
    told = agenttrace_command("--help").out
    assert all(name in told for name in ("runs", "tree", "events", "prompts", "tail"))


def test_the_version_is_told(agenttrace_command: Command) -> None:
    """By an option that needs no command."""
    said = agenttrace_command("--version")
    assert (said.status, said.out) == (0, f"agenttrace {agenttrace.__version__}\n")


@pytest.mark.parametrize("module", ["agenttrace", "agenttrace.cli"])
def test_the_package_is_the_command(module: str) -> None:
    """Where the command's script is not on the path."""
    ran = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout.split()[0], ran.stderr) == (0, b"agenttrace", b"")


def test_a_command_whose_output_is_closed_does_its_work(store: Path) -> None:
    """As under a supervisor that gives none; a command that prints nothing needs none."""
    command = [sys.executable, "-c", "import os, sys; os.close(1); os.execv(sys.executable, sys.argv[1:])"]
    command += [sys.executable, "-m", "agenttrace", "migrate", "--store", str(store)]
    ran = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
