"""The rooms of the house: who may import whom, and which room may touch SQL, threads, HTTP and terminals."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import agenttrace

SOURCE = Path(agenttrace.__file__).parent

# What a room may import besides itself. `store.protocol` and `store.batch` say what a store is; they are not one.
PROTOCOL = {"store.protocol", "store.batch"}
ROOMS = {
    "default": set[str](),
    "errors": {"faults"},
    "faults": set[str](),
    "loading": set[str](),
    "slices": set[str](),
    "location": {"faults", "loading", "model", "store.plugins", "store.protocol", "store.urls"},
    "model": {"errors", "loading", "slices"},
    "record": {"model", "faults", "loading"},
    "journal": {"model", "errors", "faults", "loading", "slices", *PROTOCOL},
    "store": {"model", "errors", "faults", "loading", "location", "slices"},
    "query": {"default", "model", "errors", *PROTOCOL},
    "access": {"model", "errors", *PROTOCOL},
    "erasure": {"model", "errors", *PROTOCOL, "journal", "query"},
    "letters": {"model", "errors", *PROTOCOL, "journal"},
    "health": {"model", "errors", *PROTOCOL, "location", "journal"},
    "otel": {"default", "model", "errors", *PROTOCOL, "record"},
    "verify": {"model", "errors", *PROTOCOL, "location", "record", "journal"},
    "cli": {
        "draining",
        "model",
        "errors",
        "query",
        "access",
        "location",
        "store.protocol",
        "store.urls",
        "otel",
        "configure",
        "asgi",
        "erasure",
        "health",
        "verify",
        "letters",
    },
    "__main__": {"cli"},
    "asgi": {"model", "errors", "query", "access", "otel", "configure", *PROTOCOL},
    "settings": {"faults", "location", "store.protocol"},
    "exporting": {"loading", "model", "errors", "store.batch", "journal", "record", "otel"},
    "writing": {"model", "faults", *PROTOCOL, "otel", "erasure"},
    "outside": {"faults", "journal", "loading", "location", "store.protocol", "store.urls"},
    "draining": {"errors", "journal", "location", "settings", "store.urls", "writing"},
    "parameters": {"record"},
    "configure": {
        "default",
        "parameters",
        "writing",
        "outside",
        "settings",
        "exporting",
        "loading",
        "location",
        "model",
        "faults",
        *PROTOCOL,
        "record",
        "journal",
        "query",
        "access",
        "otel",
        "erasure",
        "health",
        "verify",
        "letters",
    },
    "testing": {"model", "errors", "store", "record", "journal", "query", "configure", ""},
    "": {"errors", "configure", "loading", "query", "record", "journal.stats"},
}

SQL = {"sqlite3", "sqlalchemy", "sqlmodel", "alembic", "psycopg"}
STARTS_THREADS = {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "start_new_thread", "Process"}
TERMINAL = {"typer", "rich", "click"}
HTTP = {"fastapi", "starlette", "uvicorn", "http", "urllib.request", "ssl"}
ACCELERATORS = {
    *("agenttrace.record._native", "agenttrace.journal._native", "agenttrace.otel._members"),
    *("agenttrace.model._rows", "agenttrace.model._superseded", "agenttrace.store._bind"),
}
#: Python for accelerators that are not there.
TWINS = {
    *("agenttrace.record.look", "agenttrace.record.plain", "agenttrace.record.randomids"),
    "agenttrace.record.statefields",
}


@dataclass(frozen=True)
class Import:
    """One `import` of a file: what it names, and whether it stands inside a function, or under `LOADING`."""

    file: str
    target: str
    late: bool
    guarded: bool  # inside `with LOADING:`


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    return module.partition(".")[0]


def within(module: str, rooms: set[str]) -> bool:
    return any(module == room or (room and module.startswith(room + ".")) for room in rooms)


@cache
def imports(path: Path) -> list[Import]:
    return list(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
    }
    guarded = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.With) and any(ast.unparse(item.context_expr) == "LOADING" for item in outer.items)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        for target in targets(node):
            yield Import(str(path.relative_to(SOURCE)), target, node in late, node in guarded)


def targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [target_of(node.module or "", alias.name) for alias in node.names]
    return []


def target_of(module: str, name: str) -> str:
    """Return `agenttrace.model.ids` for `from agenttrace.model import ids`, the module for any other name."""
    inner = SOURCE.parent.joinpath(*module.split("."), name)
    known = inner.is_dir() or any(inner.with_suffix(suffix).is_file() for suffix in (".py", ".pyi"))
    return f"{module}.{name}" if known else module


def ours(target: str) -> str | None:
    return target.partition(".")[2] if target.partition(".")[0] == "agenttrace" else None


def names_used(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


def test_imports_go_downward() -> None:
    """A room imports only from the rooms below it."""
    wrong = [
        f"{found.file} imports {found.target}"
        for path in files()
        for room in [room_of(module_of(path))]
        for found in imports(path)
        if (target := ours(found.target)) is not None and not within(target, ROOMS[room] | {room})
    ]
    assert wrong == []


def test_every_file_is_in_a_room() -> None:
    """A new room has to say what it may import."""
    assert {room_of(module_of(path)) for path in files()} <= set(ROOMS)


def test_no_late_imports_inside_the_project() -> None:
    """Parts of the project are imported late only where it is decided what is loaded: stores, wiring, command.

    And accelerators, which may not be there; and under `LOADING`, where a fork waits for the import to be done.
    """
    allowed = {
        "configure.py",
        "exporting.py",
        "location.py",
        "outside.py",
        "settings.py",
        "store/urls.py",
        "writing.py",
        "cli/__init__.py",
        "cli/serve.py",
    }
    late = [found for path in files() for found in imports(path) if found.late and ours(found.target) is not None]
    late = [found for found in late if found.target not in ACCELERATORS | TWINS and not found.guarded]
    assert [f"{found.file}: {found.target}" for found in late if found.file not in allowed] == []


def test_only_the_store_knows_sql() -> None:
    """SQL libraries are imported in store/ alone, and so is the database of the standard library."""
    assert users_of(SQL) <= {"store"}


def test_only_the_journal_starts_threads() -> None:
    """Other rooms may hold a lock; a thread, a timer or a pool is made in journal/ alone, and in the tests we ship."""
    starters = {room_of(module_of(path)) for path in files() if names_used(path) & STARTS_THREADS}
    assert starters <= {"journal", "testing"}


def test_only_the_command_knows_the_terminal() -> None:
    """Typer and Rich are imported in cli/ alone."""
    assert users_of(TERMINAL) <= {"cli"}


def test_only_asgi_knows_http() -> None:
    """Starlette and FastAPI are imported in asgi/ alone, uvicorn where the command serves."""
    assert users_of(HTTP - {"uvicorn"}) <= {"asgi"}
    assert users_of({"uvicorn"}) <= {"cli"}


def users_of(libraries: set[str]) -> set[str]:
    return {room_of(module_of(path)) for path in files() for found in imports(path) if within(found.target, libraries)}
