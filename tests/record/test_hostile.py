"""Values that raise at every look at them, headers in pairs, tables of digits: nothing breaks, hangs or leaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agenttrace.record.makers import Makers
from agenttrace.record.patterns import redact_values
from agenttrace.record.redact import Redactor
from tests.record.recording import Recording

KEY = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"


class Proxy:
    """Raises at every look at it, as a proxy outside of its request does."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("outside of a request")


def test_hostile_values_are_taken_everywhere(make: Makers) -> None:
    """No maker, setter or end raises."""
    with make.prompt("p", tools=[Proxy(), "search"], history=[Proxy()]) as span:
        span.response = Proxy()
        span.payload(Proxy())
        span.set("a", Proxy())
        span.set_status(Proxy())  # type: ignore[arg-type]
    assert span.output is not None


def test_one_hostile_tool_or_chunk_costs_itself_only(make: Makers, recording: Recording) -> None:
    """The others are recorded."""

    @make.prompt
    def engage(model: str, tools: list[Any]) -> Iterator[Any]:
        yield "Hello "
        yield Proxy()
        yield "you"

    list(engage("gpt-5", [Proxy(), "search"]))
    content = recording.run().content
    assert content["tool_names"] == ["Proxy", "search"]
    assert (content["llm_model"], content["llm_response"]) == ("gpt-5", "Hello you")


@pytest.mark.parametrize("end", [{"end_time": "soon"}, {"end_time": 10**40}, {"error": Proxy()}, {"error": KeyError}])
def test_an_end_is_always_written(end: dict[str, Any], make: Makers, recording: Recording) -> None:
    """Whatever `end` was given."""
    make.span("plan").start().end(**end)
    assert recording.run().status == ("failed" if "error" in end else "success")


def test_no_error_is_no_failure(make: Makers, recording: Recording) -> None:
    """`error=False` says that there was none; an exception class names one."""
    make.span("plan").start().end(error=False)
    assert recording.run().status == "success"


def test_payload_fields_add_up(make: Makers, recording: Recording) -> None:
    """As token counts do; a whole value replaces them."""
    with make.tool_call("work") as span:
        span.payload(a=1)
        span.payload(b=2)
    assert recording.run().content["payload"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Zz9SECRET"), ("accept", "text/html")],
        {"headers": [["x-api-key", "Zz9SECRET"]]},
        [{"name": "Authorization", "value": "Zz9SECRET"}],
        {"env": [{"key": "DB_PASSWORD", "value": "Zz9SECRET"}]},
        (["password", "Zz9SECRET"], 1),
    ],
)
def test_headers_in_pairs_are_redacted(headers: Any, make: Makers, recording: Recording) -> None:
    """As pairs and as objects with a name and a value."""
    with make.tool_call("http", input=headers):
        pass
    assert "Zz9SECRET" not in str(recording.run().content)
    assert "REDACTED" in str(recording.run().content)


def test_keys_and_providers_are_redacted(make: Makers, recording: Recording) -> None:
    """A secret that is a name reaches no disk either."""
    with make.scope(attributes={KEY: 1}), make.prompt("p", provider=KEY) as span:
        span.set(KEY, 2)
    assert KEY.encode() not in b"".join(payload for _, payload in recording.records)


def test_a_callable_that_gives_no_text_withholds() -> None:
    """A forgotten `return` must not destroy every text unseen."""
    errors: list[BaseException] = []
    redactor = Redactor(lambda key, text: None, on_error=errors.append)  # type: ignore[arg-type, return-value]
    assert redactor.json(b'"hello"') == b'"[WITHHELD: redaction failed]"'
    assert len(errors) == 1


@pytest.mark.parametrize("row", ["4 ", "41 ", "4111 ", "4111-", "4"])
def test_tables_of_digits_are_looked_through_once(row: str) -> None:
    """They hold no card, unless groups make one up; a hundred thousand numbers are no burden."""
    text = row * 100_000
    redacted = redact_values(text)
    if row.strip(" -") != "4111":
        assert redacted == text


def test_a_card_among_numbers_is_found() -> None:
    """Unbroken or in groups, between other numbers."""
    assert redact_values("17 4111 1111 1111 1111 42") == "17 [REDACTED:card] 42"
    assert redact_values("1 2 4111111111111111, 3") == "1 2 [REDACTED:card], 3"
    assert redact_values("3782 822463 10005") == "[REDACTED:card]"
