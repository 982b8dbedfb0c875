"""The public face: exactly these names, sorted, each with a docstring, none of them loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

from inline_snapshot import snapshot

import agenttrace


def test_all_is_pinned() -> None:
    """A public name comes or goes only on purpose."""
    assert list(agenttrace.__all__) == snapshot(
        [
            "AgentTrace",
            "Span",
            "Stats",
            "configure",
            "context",
            "current",
            "doctor",
            "errors",
            "extract",
            "flush",
            "inject",
            "master",
            "predefined_behaviour",
            "prompt",
            "purge",
            "query",
            "register_agent",
            "register_contact",
            "register_session",
            "scope",
            "shutdown",
            "span",
            "stats",
            "tool_call",
            "wrap",
        ]
    )


def test_all_is_sorted_and_real() -> None:
    """Every name of `__all__` exists, and `dir` shows it."""
    assert sorted(agenttrace.__all__) == list(agenttrace.__all__)
    assert [name for name in agenttrace.__all__ if not hasattr(agenttrace, name)] == []
    assert set(agenttrace.__all__) <= set(dir(agenttrace))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A face that loads lazily still says what it does not have."""
    ran = subprocess.run(
        [sys.executable, "-c", "import agenttrace; agenttrace.tool_cal"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "AttributeError" in ran.stderr
    assert "tool_cal" in ran.stderr


def test_callables_say_what_they_do() -> None:
    """Every public function and class has a docstring."""
    silent = [name for name in agenttrace.__all__ if callable(it := getattr(agenttrace, name)) and not it.__doc__]
    assert silent == []
