"""The tables of conventions: complete, documented, and the only place that knows an emitter."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import agenttrace
from agenttrace.otel import semconv
from agenttrace.otel.semconv.convention import Convention, Source

SOURCE = Path(agenttrace.__file__).parent / "otel"
PURE = (
    "assemble",
    "classify",
    "content",
    "derive",
    "duplicates",
    "failure",
    "flat",
    "gather",
    "identities",
    "messages",
    "parts",
    "reading",
    "roles",
    "settle",
    "spoken",
    "tree",
    "values",
    "view",
)
DOCS = Path(__file__).parent.parent.parent / "docs" / "semconv.md"

#: Words that would tell an emitter, in code or in text that code compares.
EMITTERS = re.compile(
    r"pydantic|logfire|strands|openinference|traceloop|openllmetry|langsmith|langchain|langgraph|llama|smolagents|vercel"
    r"|vertex|adk|openai|anthropic|bedrock|gemini|(?<![a-z_])ai\.",
    re.IGNORECASE,
)


def code_of(path: Path) -> str:
    """Return a module's code without docstrings and comments, its strings included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def test_no_emitter_stands_in_code() -> None:
    """What reads spans knows attributes from the tables only."""
    found = {name: EMITTERS.findall(code_of(SOURCE / f"{name}.py")) for name in PURE}
    assert {name: words for name, words in found.items() if words} == {}


def test_the_reading_of_spans_imports_no_opentelemetry() -> None:
    """The core is pure: plain values in, plain values out."""
    for name in PURE:
        assert "import opentelemetry" not in code_of(SOURCE / f"{name}.py")
        assert "from opentelemetry" not in code_of(SOURCE / f"{name}.py")


def test_every_table_is_in_use() -> None:
    """Each module of the folder that defines a convention has it in the list."""
    defined = {
        path.stem
        for path in (SOURCE / "semconv").glob("*.py")
        if re.search(r"(?m)^[A-Z_]+: Final = Convention\(", path.read_text(encoding="utf-8"))
    }
    assert len(defined) == len(semconv.CONVENTIONS) == len({each.name for each in semconv.CONVENTIONS})


def test_tables_are_well_formed() -> None:
    """Fields and usage are tuples of names or sources, never the letters of a name."""
    for each in semconv.CONVENTIONS:
        for name, sources in {**each.fields, **each.usage, **each.ids}.items():
            assert isinstance(sources, tuple), (each.name, name)
            assert not isinstance(sources, Source), (each.name, name)
            assert all(isinstance(source, Source) or len(source) > 4 for source in sources), (each.name, name)
        assert all(not prefix or len(prefix) > 4 for prefix in (*each.metadata, *each.noise)), each.name


def test_evidence_has_the_documented_order() -> None:
    """docs/semconv.md lists the evidence in the order in which it counts."""
    text = DOCS.read_text(encoding="utf-8").partition("## What a span is")[2].partition("\n## ")[0]
    documented = [name for line in re.findall(r"(?m)^\d+\. (.*)$", text) for name in re.findall(r"`([^`]+)`", line)[:1]]
    ranked = list(dict.fromkeys(evidence.attribute for evidence in semconv.EVIDENCE))
    assert [name.removesuffix(".N") for name in documented if name.removesuffix(".N") in ranked] == [
        name for name in ranked if name != "gen_ai.completion"
    ]


def test_every_attribute_is_in_the_docs() -> None:
    """docs/semconv.md names each emitter, and each attribute and event that its table understands."""
    text = DOCS.read_text(encoding="utf-8")
    missing = [each.name for each in semconv.CONVENTIONS if f"## {each.name}" not in text]
    missing += [name for each in semconv.CONVENTIONS for name in known(each) if f"`{name}`" not in text]
    assert sorted(set(missing)) == []


def known(each: Convention) -> set[str]:
    sources = [source for entries in (*each.fields.values(), *each.usage.values()) for source in entries]
    names = {source.attribute if isinstance(source, Source) else source for source in sources}
    names |= {name for entries in each.ids.values() for name in entries}
    names |= {
        *each.chunks,
        *each.repeats,
        *each.metadata_objects,
        *each.messages,
        *each.message_lists,
        *each.details,
        *each.value_events,
    }
    return names | {evidence.attribute for evidence in each.evidence} | set(each.metadata)
