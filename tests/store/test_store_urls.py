"""From a URL to a store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agenttrace
from agenttrace.errors import ConfigurationError
from agenttrace.location import file_of, place_of, shown
from agenttrace.store.memory import MemoryStore
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.store.urls import open_store, store_maker


@pytest.mark.parametrize("name", ["sqlite:///x/y.db", "x/y.db", Path("x/y.db"), "SQLite:///x/y.db"])
def test_a_relative_path_is_below_the_working_directory(name: str | Path) -> None:
    """Three slashes, a plain path and a Path mean the same file, wherever the program goes later."""
    store = open_store(name)
    assert isinstance(store, SQLiteStore)
    assert store.url == f"sqlite:///{os.getcwd()}/x/y.db"
    assert file_of(place_of(name)) == Path.cwd() / "x" / "y.db"


@pytest.mark.parametrize("name", ["sqlite:////srv/y.db", "/srv/y.db", Path("/srv/y.db")])
def test_an_absolute_path_is_itself(name: str | Path) -> None:
    """Four slashes, or a plain path."""
    assert open_store(name).url == "sqlite:////srv/y.db"


def test_a_path_object_is_never_a_url() -> None:
    """Its text may look like one."""

    class _Odd(os.PathLike[str]):
        def __fspath__(self) -> str:
            return "memory://"

    assert file_of(place_of(Path("memory:"))) == Path.cwd() / "memory:"
    assert file_of(place_of(_Odd())) == Path.cwd() / "memory:"


def test_memory_is_a_store_of_no_place() -> None:
    """`memory://` makes a new one each time."""
    assert isinstance(open_store("memory://"), MemoryStore)
    assert open_store("memory://") is not open_store("memory://")
    assert place_of("memory://") is None


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("postgresql://app:pw@db/traces", "postgresql://app:***@db/traces"),
        ("postgres://app:pw@db/traces", "postgresql://app:***@db/traces"),
        ("postgresql:///traces", "postgresql:///traces"),
        ("clickhouse://app:pw@a,b:9440/traces?secure=true", "clickhouse://app:***@a,b:9440/traces?secure=true"),
        ("chdb:///folder", f"{Path.cwd()}/folder"),
        ("chdb:////srv/folder", "/srv/folder"),
        ("chdb:////srv/folder?database=a", "chdb:////srv/folder?database=a"),
    ],
)
def test_a_server_is_a_place_without_its_password(name: str, place: str) -> None:
    """So a new password is no new place, and the journals that wait for the store are found again."""
    assert place_of(name) == place


def test_a_store_object_is_asked_for_its_place() -> None:
    """One of an unknown kind counts as a server, and its password is not told either."""
    store: Any = MemoryStore()
    assert place_of(store) is None
    store.url = "shelf://app:pw@db"
    assert place_of(store) == "shelf://app:***@db"
    for odd in ("", ":memory:", "memory:", "sqlite:x", "postgres:foo"):
        store.url = odd
        assert place_of(store) == f"store://{odd}"
        assert file_of(place_of(store)) is None
    assert store_maker(store)() is store


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mysql://x", "unknown scheme mysql"),
        ("postgresql+psycopg://x/y", r"unknown scheme postgresql\+psycopg"),
        ("sqlite://x.db", "three slashes"),
        ("sqlite:///", "needs a file"),
        ("chdb://folder", "three slashes"),
        ("chdb:///", "needs a folder"),
        ("postgresql:u:hunter2@h/d", "needs slashes"),
        ("u:hunter2@h://d", "no URL"),
        (":memory:", "memory://"),
        ("memory:", "memory://"),
        ("", "needs a file"),
    ],
)
def test_another_name_says_what_is_known(name: str, says: str) -> None:
    """The error names the setting and what would work, and no password."""
    with pytest.raises(ConfigurationError, match=says) as error:
        open_store(name)
    assert str(error.value).startswith("store: ")
    for known in ("sqlite:///relative.db", "postgresql://", "clickhouse://", "chdb:///folder", "memory://"):
        assert known in str(error.value)
    assert "hunter2" not in str(error.value)


# -- passwords -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://app:pw@db:5432/traces", "postgresql://app:***@db:5432/traces"),
        ("postgresql://app@db/traces", "postgresql://app@db/traces"),
        ("postgresql://:pw@db", "postgresql://:***@db"),
        ("postgresql://db:5432,[::1]:5433/traces?user=a%40b", "postgresql://db:5432,[::1]:5433/traces?user=a%40b"),
        ("postgresql://db:5432/traces?user=a@b", "postgresql://db:***@b"),
        ("postgresql://db/t?password=pw&a=b&sslpassword=x", "postgresql://db/t?password=***&a=b&sslpassword=***"),
        ("postgresql://db/t?p%61ssword=pw", "postgresql://db/t?p%61ssword=***"),
        ("clickhouse://db/t?access_token=pw", "clickhouse://db/t?access_token=***"),
        ("postgresql://app:p/w@db/traces", "postgresql://app:***@db/traces"),
        ("postgresql://app:p@w@db/traces", "postgresql://app:***@db/traces"),
        ("postgresql://app:p?w@db/traces", "postgresql://app:***@db/traces"),
        ("postgresql://app:p#w@db/traces", "postgresql://app:***@db/traces"),
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
        ("/srv/x.db", "/srv/x.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, expected: str) -> None:
    """Escaped as it should be or not; shown again it stays the same."""
    assert shown(url) == expected
    assert shown(expected) == expected


@given(password=st.text(min_size=1).filter(lambda text: not set(text) <= set("*@dbtapr/:0123456789?=&")))
def test_no_password_is_shown(password: str) -> None:
    """Whatever characters it has."""
    url = f"postgresql://app:{password}@db.example:5432/traces"
    assert password not in shown(url).replace("postgresql://app:***@db.example:5432/traces", "")


# -- extras ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("postgresql://u:hunter2@localhost/d", "psycopg", "postgres"),
        ("clickhouse://u:hunter2@localhost/d", "clickhouse_connect", "clickhouse"),
        ("chdb:///folder", "chdb", "clickhouse"),
    ],
)
def test_a_missing_extra_is_named(url: str, library: str, extra: str, tmp_path: Path) -> None:
    """`configure` says what to install, and the old store stays in force."""
    program = f"""
import sys
sys.modules[{library!r}] = None
import agenttrace
trace = agenttrace.AgentTrace(store="memory://")
try:
    trace.configure({url!r})
except agenttrace.errors.ConfigurationError as error:
    print(error)
with trace.master("turn"):
    pass
assert [run.name for run in trace.query.runs()] == ["turn"]
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert f"pip install 'agenttrace-otel[{extra}]'" in ran.stdout, ran.stderr
    assert ran.returncode == 0, ran.stderr
    assert "hunter2" not in ran.stdout


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hunter2@db/traces?no_such_option=1",
        "postgresql://app:hunter2@[db/traces",
        "clickhouse://app:hunter2@db/traces?no_such_option=1",
        "clickhouse://app:hunter2@/traces",
        "postgresql://app:hunter2/x@db/traces",
        "postgresql://app:hunter2?x@db/traces",
        "postgresql://db/traces?user=a@b&password=hunter2",
    ],
)
def test_a_url_that_cannot_be_read_is_an_error_at_once(url: str) -> None:
    """Not later, in the writer's thread; its words hold no password."""
    with pytest.raises(ConfigurationError, match="store: ") as error:
        store_maker(url)
    assert "hunter2" not in str(error.value)


# -- other distributions ---------------------------------------------------------------------------

SHELF = """
from agenttrace.store.memory import MemoryStore

urls = []

def shelf(url, *, clock):
    urls.append((url, clock))
    store = MemoryStore(clock=clock)
    store.url = "shelf://here"
    return store

def rude(url, *, clock):
    raise ValueError(f"cannot use {url}")

def refusing(url, *, clock):
    from agenttrace.errors import ConfigurationError
    raise ConfigurationError("store: shelf://x is taken")

class Half:
    url = "half://"
    def open(self): ...

def half(url, *, clock):
    return Half()

number = 7
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with one small distribution in it, as an installer leaves it."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "shelfstore.py").write_text(SHELF, encoding="utf-8")
    (folder / "brokenstore.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    install(
        folder,
        "shelf-store",
        shelf="shelfstore:shelf",
        rude="shelfstore:rude",
        refusing="shelfstore:refusing",
        half="shelfstore:half",
        number="shelfstore:number",
        absent="shelfstore:absent",
        broken="brokenstore:store",
        sqlite="brokenstore:store",
        memory="brokenstore:store",
        postgres="brokenstore:store",
    )
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in ("shelfstore", "brokenstore"):
        sys.modules.pop(name, None)


def install(folder: Path, name: str, **stores: str) -> None:
    """Write a distribution's metadata."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = "".join(f"{scheme} = {target}\n" for scheme, target in stores.items())
    (info / "entry_points.txt").write_text(f"[agenttrace.stores]\n{lines}", encoding="utf-8")


def test_an_installed_distribution_brings_a_store(installed: Path) -> None:
    """`configure` takes its scheme; it gets the whole URL, password included, and the clock."""
    import shelfstore  # type: ignore[import-not-found]

    url = "shelf://app:hunter2@db/traces"
    with agenttrace.AgentTrace(store=url, journal_dir=installed / "journal") as trace:
        with trace.master("turn"):
            pass
        assert [run.name for run in trace.query.runs()] == ["turn"]
    assert shelfstore.urls == [(url, None)]
    assert place_of(url) == "shelf://app:***@db/traces"
    clock = lambda: 7  # noqa: E731
    assert open_store("Shelf://x", clock=clock).now() == 7


def test_what_a_store_brings_is_imported_with_the_settings(installed: Path) -> None:
    """Not later, in the writer's thread."""
    make = store_maker("shelf://x")
    assert "shelfstore" in sys.modules
    assert make().url == "shelf://here"


def test_schemes_of_our_own_are_not_replaced(installed: Path) -> None:
    """An entry point of that name is not even loaded."""
    assert isinstance(open_store("x.db"), SQLiteStore)
    assert isinstance(open_store("sqlite:///x.db"), SQLiteStore)
    assert isinstance(open_store("memory://"), MemoryStore)
    assert place_of("postgres://db/x") == "postgresql://db/x"
    assert "brokenstore" not in sys.modules


@pytest.mark.parametrize(
    ("scheme", "says"),
    [
        ("broken", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("absent", "cannot be loaded: AttributeError"),
        ("number", "is not callable"),
        ("half", r"Half lacks close, .*write"),
        ("rude", "raised ValueError when it was called"),
    ],
)
def test_a_broken_distribution_is_named(installed: Path, scheme: str, says: str) -> None:
    """With its entry point and what is wrong, but without the URL, which may hold a password."""
    with pytest.raises(ConfigurationError, match=says) as error:
        open_store(f"{scheme}://app:hunter2@db")
    assert f"store: {scheme}:// of the distribution shelf-store" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_distribution_may_raise_errors_of_ours(installed: Path) -> None:
    """They come through as they are."""
    with pytest.raises(ConfigurationError, match=r"^store: shelf://x is taken$"):
        open_store("refusing://x")


def test_two_distributions_with_one_scheme_are_both_named(installed: Path) -> None:
    """Which of them is meant nobody knows."""
    install(installed, "other-shelf", shelf="shelfstore:shelf")
    with pytest.raises(ConfigurationError, match="other-shelf and the distribution shelf-store all bring shelf://"):
        open_store("shelf://x")


def test_an_unknown_scheme_lists_what_is_installed(installed: Path) -> None:
    """Besides what agenttrace brings itself."""
    with pytest.raises(ConfigurationError, match=r"unknown scheme mysql://; .*installed distributions .*shelf://"):
        open_store("mysql://x")
