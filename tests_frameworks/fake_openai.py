"""A stand-in for the OpenAI API on the loopback interface: chat completions and responses, whole or streamed.

Gemini's `generateContent` is answered as well.

It answers by rule. Offered a tool whose result it has not seen it calls that tool, each text argument filled with
"Paris"; offered `final_answer` as well, it ends with that. Otherwise it says `ANSWER`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

ANSWER = "It is sunny in Paris."
USAGE = (21, 9)
_ids = count(1)


@contextmanager
def serving() -> Iterator[str]:
    """Serve on a free port of 127.0.0.1; gives the base URL that clients take."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/chat/completions"):
            self._send(asked, *_chat(asked))
        elif self.path.endswith("/responses"):
            self._send(asked, *_responses(asked))
        elif self.path.endswith(":generateContent"):
            self._send(asked, _gemini(asked, self.path), [])
        else:
            self.send_error(404)

    def _send(self, asked: dict[str, Any], whole: dict[str, Any], events: list[tuple[str, dict[str, Any]]]) -> None:
        if asked.get("stream"):
            kind, lines = "text/event-stream", [_line(name, event) for name, event in events]
            body = "".join([*lines, "data: [DONE]\n\n"]).encode()
        else:
            kind, body = "application/json", json.dumps(whole).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _line(name: str, event: dict[str, Any]) -> str:
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(event)}\n\n"


def _call(asked: dict[str, Any], said: list[dict[str, Any]]) -> tuple[str, dict[str, Any]] | None:
    """Return the tool to call next, and its arguments."""
    tools = {tool["name"]: tool for tool in (t.get("function", t) for t in asked.get("tools") or ()) if "name" in tool}
    last = said[-1]
    if last.get("type") == "function_call_output" or last["role"] == "tool" or "Observation:" in json.dumps(last):
        return ("final_answer", {"answer": ANSWER}) if "final_answer" in tools else None
    name = next((name for name in tools if name != "final_answer"), None)
    if name is None:
        return None
    return name, dict.fromkeys(tools[name]["parameters"]["properties"], "Paris")


def _chat(asked: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    number, call = next(_ids), _call(asked, asked["messages"])
    message: dict[str, Any] = {"role": "assistant", "content": None if call else ANSWER}
    if call:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
    finish = "tool_calls" if call else "stop"
    usage = {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)}
    head = {"id": f"chatcmpl-{number}", "created": 1_790_000_000, "model": asked["model"]}
    whole = {
        **head,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    chunk = {**head, "object": "chat.completion.chunk"}
    delta = {**message, "tool_calls": [{"index": 0, **part} for part in message.get("tool_calls", ())] or None}
    events = [
        ("", {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
        ("", {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}),
        ("", {**chunk, "choices": [], "usage": usage}),
    ]
    return whole, events


def _responses(asked: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    number = next(_ids)
    given = asked["input"] if isinstance(asked["input"], list) else [{"role": "user", "content": asked["input"]}]
    call = _call(asked, given)
    item: dict[str, Any]
    if call:
        item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "status": "completed"}
        item |= {"name": call[0], "arguments": json.dumps(call[1])}
    else:
        part = {"type": "output_text", "text": ANSWER, "annotations": []}
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [part]}
    whole = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": asked["model"],
        "instructions": asked.get("instructions"),
        "output": [item],
        "tools": asked.get("tools") or [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "usage": {
            "input_tokens": USAGE[0],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": USAGE[1],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sum(USAGE),
        },
    }
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    steps = [
        ("response.created", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress"}}),
        *_deltas(item),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": whole}),
    ]
    return whole, [(name, {"type": name, "sequence_number": at, **event}) for at, (name, event) in enumerate(steps)]


def _gemini(asked: dict[str, Any], path: str) -> dict[str, Any]:
    """Answer as Gemini does: its tools are declarations, its parts camel-cased."""
    declared = [tool for group in asked.get("tools") or () for tool in group.get("functionDeclarations", ())]
    parts = [part for content in asked["contents"] for part in content["parts"]]
    tools = [
        {
            "name": t["name"],
            "parameters": t.get("parametersJsonSchema") or t.get("parameters_json_schema") or t["parameters"],
        }
        for t in declared
    ]
    call = None if "functionResponse" in parts[-1] else _call({"tools": tools}, [{"role": "user"}])
    part = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": ANSWER}
    usage = {"promptTokenCount": USAGE[0], "candidatesTokenCount": USAGE[1], "totalTokenCount": sum(USAGE)}
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": usage,
        "modelVersion": path.rpartition("/")[2].partition(":")[0],
        "responseId": f"gemini-{next(_ids)}",
    }


def _deltas(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    at = {"item_id": item["id"], "output_index": 0}
    if item["type"] == "function_call":
        text = item["arguments"]
        return [
            ("response.function_call_arguments.delta", {**at, "delta": text}),
            ("response.function_call_arguments.done", {**at, "name": item["name"], "arguments": text}),
        ]
    at["content_index"] = 0
    part = item["content"][0]
    return [
        ("response.content_part.added", {**at, "part": {**part, "text": ""}}),
        ("response.output_text.delta", {**at, "delta": ANSWER, "logprobs": []}),
        ("response.output_text.done", {**at, "text": ANSWER, "logprobs": []}),
        ("response.content_part.done", {**at, "part": part}),
    ]
