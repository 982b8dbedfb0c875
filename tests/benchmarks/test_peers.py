"""Other libraries are measured against a sink on this machine, and nothing leaves it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.request
from importlib.metadata import PackageNotFoundError, version

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks import figures
from benchmarks.peers.__main__ import recorded, serving, tables
from benchmarks.peers.sink import spans_in
from benchmarks.peers.through import PEERS


def get(url: str) -> dict[str, int]:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - the sink's
        return json.load(answer)


def request(spans: int) -> bytes:
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for number in range(spans):
        with provider.get_tracer(f"library {number % 2}").start_as_current_span("span", attributes={"a": "x" * 200}):
            pass
    return encode_spans(memory.get_finished_spans()).SerializeToString()


def post(url: str, body: bytes, **headers: str) -> int:
    asked = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})  # noqa: S310 - likewise
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        return answer.status


@pytest.mark.parametrize("spans", [0, 1, 7])
def test_spans_of_otlp_are_counted_without_reading_them(spans: int) -> None:
    """Whatever their number and their libraries."""
    assert spans_in(request(spans)) == spans


def test_the_sink_says_how_many_spans_came() -> None:
    """OTLP, compressed or not, by its spans; anything else by a pattern."""
    with serving(sys.executable) as sink:
        assert post(f"{sink}/v1/traces", request(2)) == 200
        assert post(f"{sink}/v1/traces", gzip.compress(request(3)), Content_Encoding="gzip") == 200
        assert post(f"{sink}/api/v1/private/spans/batch", b'{"spans":[{"id":1},{"id":2}]}') == 201
        for of, spans in (("", 5), ("%22id%22", 2)):
            assert get(f"{sink}/received?of={of}") == {"requests": 3, "spans": spans}


def test_no_other_machine_is_reached() -> None:
    """Neither by name nor by address; the machine itself is."""
    code = """
import socket
from benchmarks.peers.loopback import Elsewhere, only_loopback
only_loopback()
def refused(act):
    try:
        act()
    except Elsewhere:
        return True
    return False
assert refused(lambda: socket.create_connection(("example.org", 80)))
assert refused(lambda: socket.create_connection(("192.0.2.1", 80)))
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
    print("reached")
"""
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=figures.ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("reached\n", "")


def test_a_library_that_is_not_there_is_skipped_by_name() -> None:
    """The table says which, and measures the others."""
    name = next(name for name in PEERS if not installed(PEERS[name].package))
    figures = recorded(name, 1, sys.executable)
    assert figures == {"skipped": f"{PEERS[name].package} is not installed"}
    ours = {"traced": 2.0, "all": 9.0, "kept": 1.0, "disk": 800.0}
    other = {"traced": 8.0, "all": 10.0, "kept": 0.5, "version": "1.2"}
    found = {"spans": 10, "rounds": [{"ours": ours, "Phoenix": other, name: figures}], "imports": {"ours": [5.0]}}
    rows = {row[0]: row[1:] for row in tables(found)[0].rows}
    assert rows["Phoenix 1.2"][:4] == ["8.0", "4.0", "10.0", "0.50"]
    assert rows[name] == [f"skipped: {PEERS[name].package} is not installed"]


def installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
