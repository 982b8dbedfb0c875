"""The module's functions: those of the default Query, for programs and for type checkers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from agenttrace import query
from agenttrace.query.reader import Query

PUBLIC = {name for name in dir(Query) if not name.startswith("_")}


def test_the_module_has_what_a_query_has() -> None:
    """Every public method of Query, and nothing else."""
    assert {name for name in dir(query) if name in PUBLIC} == PUBLIC
    assert [name for name in sorted(PUBLIC) if not hasattr(query, name)] == []
    with pytest.raises(AttributeError, match="nonsense"):
        _ = query.nonsense  # type: ignore[attr-defined]


def test_type_checkers_are_told_all_of_it() -> None:
    """The declarations are those of Query, each of its own name; `typed_face.py` says what a checker makes of them."""
    module = ast.parse(Path(query.__file__).read_text(encoding="utf-8"))
    declared = [
        (node.targets[0].id, node.value.attr)
        for block in module.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Attribute)
    ]
    assert declared == [(name, name) for name in sorted(PUBLIC)]
