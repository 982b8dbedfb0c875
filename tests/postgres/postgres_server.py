"""A private PostgreSQL cluster for the tests: made in a temporary folder, started, stopped, gone.

`AGENTTRACE_TEST_POSTGRES` names a database on a server that is there already; its schemas are then made and dropped.
"""

from __future__ import annotations

import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Cluster", "find_programs"]

_PATIENCE = 60.0
#: Besides the PATH; `.ci/postgres` looks there as well.
_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
)
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
}


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`, the newest there is, or None."""
    folders = [str(Path(found).resolve().parent) for name in ("initdb",) if (found := shutil.which(name))]
    for pattern in _FOLDERS:
        folders += sorted(glob.glob(pattern), key=_version_in, reverse=True)
    whole = (Path(folder) for folder in folders)
    return next((folder for folder in whole if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _version_in(folder: str) -> int:
    return int("".join(filter(str.isdigit, folder)) or 0)


class Cluster:
    """One server on a free port of the loopback interface, owned by a user who is not root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = _not_root()
        self._folder = Path(tempfile.mkdtemp(prefix="agenttrace-postgres-"))
        if self._user is not None:
            os.chown(self._folder, self._user, -1)
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._initialise()

    @property
    def url(self) -> str:
        """The URL of its database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self, **settings: str) -> None:
        """Start it, and return once it answers; keeps its port after the first time."""
        for _ in range(5):
            port = self._port or _free_port()
            self._server = self._spawn(port, _SETTINGS | settings)
            if self._answers(port):
                self._port = port
                return
            self.stop()
        raise RuntimeError("the PostgreSQL server does not start:\n" + (self._folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends the sessions in an orderly way, SIGQUIT at once, as a crash does."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(_PATIENCE)
            self._server = None

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initialise(self) -> None:
        made = subprocess.run(
            [
                *(self._programs / "initdb", "--pgdata", self._folder / "data", "--username", "postgres"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            user=self._user,
            cwd=self._folder,
            env=_environment(),
            check=False,
        )
        if made.returncode:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise RuntimeError(f"initdb failed: {made.stderr.decode()}")

    def _spawn(self, port: int, settings: dict[str, str]) -> subprocess.Popen[bytes]:
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        address = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._folder}"]
        with open(self._folder / "log", "ab") as log:
            return subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *address, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._folder,
                env=_environment(),
                preexec_fn=_with_the_parent(),
            )

    def _answers(self, port: int) -> bool:
        assert self._server is not None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._server.poll() is None:
            try:
                psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return self._server.poll() is None
        return False


def _not_root() -> int | None:
    """Return the user to run the server as, which refuses to run as root; None for the present one."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "COV", "LD_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _with_the_parent() -> Callable[[], object] | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return lambda: library.prctl(1, signal.SIGQUIT, 0, 0, 0)  # PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
