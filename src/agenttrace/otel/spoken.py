"""What went into a model and what came out, and the content of a prompt's run out of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from agenttrace.otel import messages as texts
from agenttrace.otel import semconv
from agenttrace.otel.messages import Message
from agenttrace.otel.parts import Flaws, Part, parts_of
from agenttrace.otel.reading import messages_in, role_of
from agenttrace.otel.semconv import shapes
from agenttrace.otel.settle import tool_names_in
from agenttrace.otel.values import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.otel.view import Said, View

__all__ = ["Captured", "answers_in", "composed_in", "fullest", "given_in", "options_of", "prompt_of", "said_in"]


def _dict() -> dict[str, Any]:
    return {}


def _texts() -> list[str]:
    return []


@dataclass(slots=True)
class Captured:
    """What a span says of its run: the content, thoughts of the model, and attributes that no content key has.

    `user_text` is the last message of the user, of a prompt. It is `vague` where what a model was given is known only
    as the input of a call, which may be that of a template.
    """

    content: dict[str, Any] = field(default_factory=_dict)
    thoughts: list[str] = field(default_factory=_texts)
    attributes: dict[str, Any] = field(default_factory=_dict)
    user_text: str | None = None
    vague: bool = False


def prompt_of(view: View) -> Captured:
    """Return what the span of a model's call says."""
    told = fullest(chain(view.messages("input_messages", "user"), _told(view)))
    given = told if texts.has_content(told) else fullest(chain([told], view.messages("input", "user")))
    said = [message for message in fullest(answers_in(view)) if message.role != "system"]
    spoken = [_system(view), *(texts.text_of(message) for message in given if message.role == "system")]
    system = "\n".join(dict.fromkeys(text for text in spoken if text)) or None
    history = [message for message in given if message.role != "system"]
    asked = texts.calls(said)
    content = {
        "prompt_type": view.text("prompt_type"),
        "system_prompt": system,
        "history": [texts.plain(message) for message in history] or None,
        "full_prompt": texts.transcript(system, history),
        "llm_model": view.text("model"),
        "llm_response": texts.output_text(said),
        "state_name": view.text("state_name"),
        "action": ", ".join(name for part in asked if (name := part.name)) or None,
        "tool_names": _tool_names(view),
        "usage": view.usage() or None,
        "time_to_first_token": _time_to_first_token(view),
    }
    attributes = {"tool_calls": [_plain_call(part) for part in asked] or None}
    thoughts = texts.thoughts(said) or _thoughts(view)
    return Captured(content, thoughts, attributes, texts.last_user_text(history), vague=not texts.has_content(told))


def options_of(view: View) -> dict[str, Any]:
    """Return what a span that is no model's call says of one: attributes, since its content has no keys for them."""
    found = {
        "llm_model": view.text("model"),
        "usage": view.usage() or None,
        "system_prompt": _system(view),
        "tool_names": _tool_names(view),
    }
    return {name: value for name, value in found.items() if value is not None}


def _thoughts(view: View) -> list[str]:
    """Return the reasoning in what was recorded of a whole answer beside its messages."""
    raw = (view.attributes.get(source.attribute) for source in semconv.FIELDS["output"])
    if not any(isinstance(text, str) and any(key in text for key in shapes.THINKING_PARTS) for text in raw):
        return []
    answers = (messages_in(value, "assistant", Flaws()) for value in view.found("output"))
    return next((found for each in answers if (found := texts.thoughts(each))), _texts())


def _time_to_first_token(view: View) -> float | None:
    told = view.number("time_to_first_token")
    return view.first_chunk() if told is None else told


def given_in(view: View) -> Iterable[list[Message]]:
    """Yield what a model was given, from the best source to the worst."""
    yield from view.messages("input_messages", "user")
    yield from view.messages("input", "user")
    yield from _told(view)


def _told(view: View) -> Iterable[list[Message]]:
    yield said_in(view, view.events, output=False)
    yield said_in(view, view.logs, output=False)


def answers_in(view: View) -> Iterable[list[Message]]:
    """Yield what a model said, from the best source to the worst."""
    yield from view.messages("output_messages", "assistant")
    yield composed_in(view)
    yield from view.messages("output", "assistant")
    yield said_in(view, view.events, output=True)
    yield said_in(view, view.logs, output=True)


def fullest(sources: Iterable[list[Message]]) -> list[Message]:
    """Return the first messages of which something was captured, else the first at all."""
    best: list[Message] = []
    for found in sources:
        if texts.has_content(found):
            return found
        best = best or found
    return best


def composed_in(view: View) -> list[Message]:
    """Return the answer whose text, reasoning and calls stand in attributes of their own."""
    parts = [Part(kind, text) for kind, name in _OWN_PARTS if (text := view.text(name)) is not None]
    asked = messages_in({"role": "assistant", "tool_calls": view.first("output_calls")}, "assistant", view.flaws)
    parts += [part for message in asked for part in message.parts]
    return [Message("assistant", parts)] if parts else []


_OWN_PARTS = (("thinking", "output_reasoning"), ("text", "output_text"))


def said_in(view: View, said: Sequence[Said], *, output: bool) -> list[Message]:
    """Return the messages in events or log records that the model said, or else those that it was given."""
    return [message for each in said if (each.role == "output") is output for message in _message_of(each, view)]


def _message_of(said: Said, view: View) -> list[Message]:
    role = "assistant" if said.role == "output" else said.role
    content = said.content()
    inner = read(content).value if isinstance(content, str) and content[:1] == "{" else content
    held = cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}
    if isinstance(content, str) and said.role != "output" and role_of(held.get("role")) not in (None, role):
        held = {}  # a person's text: whoever types JSON must not speak for the system
    if "role" in held or "parts" in held or (held and role != "tool" and held.keys() <= shapes.MESSAGE_KEYS):
        return messages_in({"role": role, **held}, role, view.flaws)
    body = {key: said.body[key] for key in ("id", "name", "tool_calls", "tool_call_id") if key in said.body}
    return messages_in({**body, "role": role, "content": content}, role, view.flaws)


def _system(view: View) -> str | None:
    for value in view.found("system"):
        found = messages_in(value, "system", view.flaws) if isinstance(value, dict) else []
        parts = [part for message in found for part in message.parts] or parts_of(value, view.flaws)
        text = "\n".join(part.value for part in parts if part.kind == "text")
        if text:
            return text
    return None


def _tool_names(view: View) -> list[str] | None:
    return next((names for value in view.found("tools") if (names := tool_names_in(value))), None)


def _plain_call(part: Part) -> dict[str, Any]:
    return {"id": part.id, "name": part.name, "arguments": part.value}
