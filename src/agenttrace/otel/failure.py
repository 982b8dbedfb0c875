"""How a foreign span ended. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agenttrace.otel.clipped import preview_of
from agenttrace.otel.semconv.own import ERROR
from agenttrace.otel.values import read, text_of_scalar

if TYPE_CHECKING:
    from agenttrace.otel.view import View

__all__ = ["error_of", "status_of"]


def status_of(view: View) -> str:
    """Return running, failed or success. An error's type marks a failure too, unless the status says OK."""
    span = view.span
    if span.end is None:
        return "running"
    if span.status == "error" or (span.status != "ok" and view.text("error_type") is not None):
        return "failed"
    return "success"


def error_of(view: View) -> dict[str, Any] | None:
    """Return the error of a failed span: its text is the status's description, else the exception's message, else the
    error's type. None for a span that did not fail, or of whose failure nothing is known.
    """
    if status_of(view) != "failed":
        return None
    own = read(view.attributes.get(ERROR)).value
    if isinstance(own, dict):
        return cast("dict[str, Any]", own)
    raised = _exception(view)
    kind = text_of_scalar(raised.get("exception.type")) or view.text("error_type")
    message = (
        text_of_scalar(view.span.status_message)
        or _text(raised.get("exception.message"))
        or view.text("error_type")
        or kind
    )
    found = {"type": kind, "message": message, "stack": _text(raised.get("exception.stacktrace"))}
    return found if any(found.values()) else None


def _text(value: object) -> str | None:
    return preview_of(value) or text_of_scalar(value)


def _exception(view: View) -> dict[str, Any]:
    """Return the attributes of the last exception that the span recorded, the one that it ended with."""
    for event in reversed(view.span.events):
        attributes: Any = event.get("attributes") if isinstance(event, dict) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if isinstance(attributes, dict) and event.get("name") == "exception":
            return cast("dict[str, Any]", attributes)
    return {}
