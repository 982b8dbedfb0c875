"""Trees and runs as lines of text."""

from __future__ import annotations

from collections.abc import Callable

from inline_snapshot import snapshot

from agenttrace.cli.render import MAX_INDENT, depth_first, draw, run_line
from agenttrace.model.run import Run

Make = Callable[..., Run]


def text(run: Run) -> str:
    return "".join(piece for piece, _style in run_line(run))


def chain(make_run: Make, levels: int) -> Run:
    root = deepest = make_run()
    for _ in range(levels - 1):
        below = make_run()
        deepest.children.append(below)
        deepest = below
    return root


def test_a_tree_shows_who_called_whom(make_run: Make) -> None:
    """Children hang below their parent, the oldest first; the last one closes the branch."""
    root = make_run(run_type="master", name="answer", content={"input": "why?", "output": "so"})
    search = make_run(run_type="context", name="docs", content={"query": "why", "documents": [1, 2]})
    tool = make_run(name="add", content={"input": {"a": 1}, "output": 3})
    failed = make_run(name="fetch", status="failed", error={"type": "OSError", "message": "gone"})
    search.children = [make_run(run_type="prompt", name="rank", content={"llm_model": "m", "llm_response": "1"})]
    root.children = [search, tool, failed, make_run(name="late", status="running", end_time=None)]
    assert draw(root) == snapshot("""\
✓ master answer  12 ms  why? → so
├─ ✓ context docs  12 ms  why → 2 documents
│  └─ ✓ prompt rank  12 ms  m → 1
├─ ✓ tool_call add  12 ms  {"a":1} → 3
├─ ✗ tool_call fetch  12 ms  OSError: gone
└─ ● tool_call late  …\
""")


def test_depth_first_is_the_order_of_walk(make_run: Make) -> None:
    """Lines come in the order in which `Run.walk` yields runs."""
    root = chain(make_run, 4)
    root.children += [chain(make_run, 3), make_run()]
    assert [run.id for _, _, run in depth_first(root)] == [run.id for run in root.walk()]
    assert [depth for depth, _, _ in depth_first(root)] == [0, 1, 2, 3, 1, 2, 3, 1]


def test_ten_thousand_levels_do_not_overflow(make_run: Make) -> None:
    """Every run of a very deep tree has its line; lines stay short and name the depth that they do not show."""
    lines = draw(chain(make_run, 10_000)).splitlines()
    assert len(lines) == 10_000
    assert max(map(len, lines)) < 3 * MAX_INDENT + 80
    assert "[9999] " in lines[-1]
    assert "[" not in lines[MAX_INDENT]


def test_terminal_escapes_in_recorded_data_are_shown_and_not_sent(make_run: Make) -> None:
    """No field of a run brings a control character onto the terminal."""
    evil = "\x1b]0;owned\x07\x9b31m\u202eabc\r\n"
    run = make_run(
        name=evil, run_type=evil, status="failed", error={"type": evil, "message": evil}, content={"input": evil}
    )
    line = text(run)
    assert line.isprintable()
    assert "\u202e" not in line


def test_an_unknown_status_is_shown_as_such(make_run: Make) -> None:
    """A status of a newer version does not break the view."""
    assert text(make_run(status="paused", name="x")) == "? tool_call x  12 ms"
