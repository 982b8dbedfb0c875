"""The libraries that the turn goes through, by their names, in the order of the table."""

from __future__ import annotations

from benchmarks.peers.over_json import LangSmith, OpenAIAgents, Opik
from benchmarks.peers.over_otlp import AgentOps, Langfuse, Logfire, Phoenix
from benchmarks.peers.peer import Peer
from benchmarks.peers.to_disk import Eliot, MLflow

__all__ = ["PEERS"]

PEERS: dict[str, type[Peer]] = {
    "Langfuse": Langfuse,
    "Logfire": Logfire,
    "LangSmith": LangSmith,
    "openai-agents": OpenAIAgents,
    "eliot": Eliot,
    "MLflow": MLflow,
    "Phoenix": Phoenix,
    "Opik": Opik,
    "AgentOps": AgentOps,
}
