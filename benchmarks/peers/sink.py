"""A tiny HTTP server that takes what a library sends, answers that all is well, and keeps the bodies to be counted.

`python -m benchmarks.peers.sink` prints its port and serves until its input ends. It looks at nothing while a library
is measured; `GET /received?of=PATTERN` counts afterwards: spans in OTLP, or matches of a pattern elsewhere.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["spans_in"]

OTLP = ("/v1/traces", "/traces")
#: What libraries ask for before they send.
ANSWERS: dict[str, Any] = {
    "/v1/info": {"project_name": "benchmark", "project_url": "http://127.0.0.1/"},
    "/info": {
        "version": "0.15.0",
        "batch_ingest_config": {
            "use_multipart_endpoint": True,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 16,
            "scale_down_nempty_trigger": 4,
            "size_limit": 100,
            "size_limit_bytes": 20_971_520,
        },
        "instance_flags": {"zstd_compression_enabled": True},
    },
    "/v3/auth/token": {"token": "a.b.c", "project_id": "benchmark", "project_prem_status": "free"},
}

received: list[tuple[str, str, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    """Takes everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a question."""
        asked = urlsplit(self.path)
        if asked.path == "/received":
            of = parse_qs(asked.query).get("of", [""])[0]
            self._answer(200, {"requests": len(received), "spans": counted(of)})
        else:
            self._answer(200, ANSWERS.get(asked.path, {}))

    def do_POST(self) -> None:
        """Take what is sent."""
        body = self._body()
        path = urlsplit(self.path).path
        received.append((path, self.headers.get("Content-Encoding", ""), body))
        if path.endswith(OTLP):
            self._answer(200, None)  # an empty ExportTraceServiceResponse
        else:
            self._answer(201 if "/private/" in path else 200, ANSWERS.get(path, {}))

    do_PUT = do_PATCH = do_POST  # noqa: N815 - as the server looks for them

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, document: Any) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if document is not None else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def counted(pattern: str) -> int:
    """Return how many spans came: matches of the pattern, or those of OTLP without one."""
    total = 0
    for path, encoding, body in received:
        plain = opened(encoding, body)
        if pattern:
            total += len(re.findall(pattern.encode(), plain))
        elif path.endswith(OTLP):
            total += spans_in(plain)
    return total


def opened(encoding: str, body: bytes) -> bytes:
    """Return a body as it was before it was compressed."""
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    if encoding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body


def spans_in(request: bytes) -> int:
    """Return how many spans an ExportTraceServiceRequest has: resource_spans (1), scope_spans (2), spans (2)."""
    return sum(1 for resource in members(request, 1) for scope in members(resource, 2) for _ in members(scope, 2))


def members(message: bytes, wanted: int) -> Any:
    """Yield the fields with this number, which have a length; of the others only the lengths are read."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == 0:
            _, at = varint(message, at)
        elif kind == 2:
            size, at = varint(message, at)
            if tag >> 3 == wanted:
                yield message[at : at + size]
            at += size
        else:
            at += 8 if kind == 1 else 4


def varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def main() -> None:
    """Serve until the input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
