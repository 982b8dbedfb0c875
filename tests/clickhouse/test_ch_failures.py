"""What goes wrong: addresses, servers that are away, errors of the engine, forks."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError

from agenttrace.errors import ConfigurationError, StoreRejected, StoreTooNew, StoreUnavailable
from agenttrace.store.clickhouse import ClickHouseStore
from agenttrace.store.clickhouse.address import read_url
from agenttrace.store.clickhouse.failures import failure
from agenttrace.testing.records import batch_of, run_record
from tests.clickhouse.chdb_store import url_of

SECRET = "hunter2"


@pytest.fixture
def ill_server() -> Iterator[int]:
    """The port of a server that answers every request with an error of its own."""

    class Ill(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)"
            self.send_response(500)
            self.send_header("X-ClickHouse-Exception-Code", "241")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Ill)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("port", ["free", "ill"])
def test_a_server_that_is_away_or_ill_is_unavailable(port: str, ill_server: int) -> None:
    """The writer tries again later; the password is in no word of it."""
    number = ill_server if port == "ill" else free_port()
    store = ClickHouseStore(f"clickhouse://app:{SECRET}@127.0.0.1:{number}/traces?connect_timeout=2")
    with pytest.raises(StoreUnavailable) as caught:
        store.open()
    assert SECRET not in f"{caught.value} {store.url} {read_url(store.url)!r}"
    assert store.url == f"clickhouse://app:***@127.0.0.1:{number}/traces?connect_timeout=2"


@pytest.mark.parametrize("code", [159, 164, 202, 209, 210, 241, 242, 252, 319, 425, 999, None])
def test_errors_of_reach_and_load_may_pass(code: int | None) -> None:
    """Timeouts, memory, too many parts, read-only tables: the same call may work later."""
    assert isinstance(failure("u", DatabaseError("x", code=code)), StoreUnavailable)


@pytest.mark.parametrize(
    "error",
    [OperationalError("x"), ConnectionResetError("x"), TimeoutError("x")],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_network_may_pass(error: Exception) -> None:
    """So does what the network does."""
    assert isinstance(failure("u", error), StoreUnavailable)


@pytest.mark.parametrize(
    "error",
    [DatabaseError("x", code=53), DatabaseError("x", code=27), DataError("x"), struct.error("x"), OverflowError("x")],
    ids=["type", "parse", "data", "struct", "overflow"],
)
def test_errors_of_values_stay(error: Exception) -> None:
    """What does not fit its column never will."""
    assert isinstance(failure("u", error), StoreRejected)


def test_what_the_engine_says_about_rows_is_not_repeated() -> None:
    """An error of the engine is named by its code."""
    told = failure("u", DatabaseError("Code: 27. Cannot parse input: a secret payload", code=27, name="CANNOT_PARSE"))
    assert str(told) == "u: ClickHouse does not take these values (ClickHouse error 27 CANNOT_PARSE)"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("clickhouse:///traces", "host"),
        ("clickhouse://h:x/traces", "port"),
        ("clickhouse://h/traces?colour=red", "colour"),
        ("clickhouse://h/tr'aces", "database"),
        ("clickhouse://h/traces?cluster=a;b", "cluster"),
        ("clickhouse://h/traces?secure=maybe", "secure"),
        ("clickhouse://h/traces?connect_timeout=soon", "connect_timeout"),
        ("chdb://folder", "three slashes"),
        ("chdb:///", "folder"),
    ],
)
def test_an_address_that_cannot_be_used_says_why(url: str, word: str) -> None:
    """The error names what is wrong with it."""
    with pytest.raises(ConfigurationError, match=word):
        ClickHouseStore(url)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """And nothing is written."""
    store = ClickHouseStore(url_of(tmp_path))
    with pytest.raises(StoreUnavailable, match="open"):
        store.write(batch_of(run_record(1)))


def test_a_store_of_a_newer_agenttrace_is_refused(tmp_path: Path) -> None:
    """What it does not know it does not write to."""
    store = ClickHouseStore(url_of(tmp_path))
    store.open()
    place = store._place
    with store._clients.lend() as client:
        client.command(f"ALTER TABLE {place.name('run')} MODIFY COMMENT 'agenttrace 99'")
    store.close()
    with pytest.raises(StoreTooNew, match="99"):
        store.open()
    other = ClickHouseStore(url_of(tmp_path))
    with other._clients.opening() as client:
        client.command(f"ALTER TABLE {place.name('run')} MODIFY COMMENT 'agenttrace 1'")
    other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="a forked child of a process with an engine")
def test_a_forked_child_leaves_the_engine_alone(tmp_path: Path) -> None:
    """It is told so, ends with its own status, and the parent goes on."""
    store = ClickHouseStore(url_of(tmp_path))
    store.open()
    store.write(batch_of(run_record(1)))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.write(batch_of(run_record(2)))
        except StoreUnavailable:
            status = 7
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    store.write(batch_of(run_record(3)))
    store.close()
