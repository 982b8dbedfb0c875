"""The turn through libraries that write to a disk: eliot, MLflow."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from benchmarks.content import ANSWER, ASKED, CHUNKS, FOUND, QUERY, QUESTION, RESPONSE, TOOLS
from benchmarks.peers.peer import MESSAGES, Peer

__all__ = ["Eliot", "MLflow"]


class Eliot(Peer):
    """eliot, which writes a file of JSON lines."""

    package, imported = "eliot", "import eliot"
    how = "`to_file`, a JSON line when an action begins and one when it ends; no store"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        import eliot

        self.eliot, self.file = eliot, (folder / "eliot.log").open("w")
        eliot.to_file(self.file)

    def turn(self) -> None:
        """Record one turn."""
        start = self.eliot.start_action
        with start(action_type="answer", input=QUESTION) as root:
            with start(action_type="retrieve", query=QUERY) as retrieval:
                retrieval.add_success_fields(documents=CHUNKS)
            with start(action_type="engage", model="gpt-5", messages=MESSAGES) as prompt:
                prompt.add_success_fields(response=RESPONSE, input_tokens=812, output_tokens=95)
            for name in TOOLS:
                with start(action_type=name, input=ASKED) as call:
                    call.add_success_fields(output=FOUND)
            root.add_success_fields(output=ANSWER)

    def settle(self) -> None:
        """Wait until all was written."""
        self.file.flush()

    def found(self) -> int:
        """Return how many actions are in the file, begun and ended."""
        with (self.folder / "eliot.log").open() as lines:
            return sum(1 for _ in lines) // 2

    def size(self) -> int:
        """Return the bytes of the file."""
        return (self.folder / "eliot.log").stat().st_size


class MLflow(Peer):
    """MLflow's tracing."""

    package, imported = "mlflow", "import mlflow"
    how = "asynchronous logging, its SQLite store; `with mlflow.start_span(...)`"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        os.chdir(folder)
        os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "true"
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("benchmark")
        self.mlflow = mlflow

    def turn(self) -> None:
        """Record one turn."""
        start = self.mlflow.start_span
        with start("answer", span_type="AGENT") as root:
            root.set_inputs({"input": QUESTION})
            with start("retrieve", span_type="RETRIEVER") as retrieval:
                retrieval.set_inputs({"query": QUERY})
                retrieval.set_outputs(CHUNKS)
            with start("engage", span_type="CHAT_MODEL") as prompt:
                prompt.set_inputs({"model": "gpt-5", "messages": MESSAGES})
                prompt.set_outputs(RESPONSE)
                usage = {"input_tokens": 812, "output_tokens": 95, "total_tokens": 907}
                prompt.set_attribute("mlflow.chat.tokenUsage", usage)
            for name in TOOLS:
                with start(name, span_type="TOOL") as call:
                    call.set_inputs(ASKED)
                    call.set_outputs(FOUND)
            root.set_outputs({"output": ANSWER})

    def settle(self) -> None:
        """Wait until all is stored."""
        self.mlflow.flush_trace_async_logging()

    def found(self) -> int:
        """Return how many spans are in the store."""
        with contextlib.closing(sqlite3.connect(self.folder / "mlflow.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return connection.execute("SELECT count(*) FROM spans").fetchone()[0]

    def size(self) -> int:
        """Return the bytes of the store and of the files beside it."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
