"""The span makers and their companions: the recording half of the public face, as methods over one recorder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from sys import intern
from types import MethodType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, cast, overload

from opentelemetry.context import Context

from agenttrace.faults import ConfigurationError
from agenttrace.loading import LOADING, regex
from agenttrace.model.ids import veiled
from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.context import BLOCKS, EMPTY, SCOPE, Scope, attach, current_context
from agenttrace.record.emission import opened
from agenttrace.record.fields import ENVELOPE_KEYS, tool_names
from agenttrace.record.options import UNSET, Options, clean
from agenttrace.record.recorder import Recorder
from agenttrace.record.redact import Redactor
from agenttrace.record.span import Silent, Span, current, silent
from agenttrace.record.state import NATIVE

if TYPE_CHECKING:
    from agenttrace.record.parameters import Capture, Id, ScopeIds
    from agenttrace.record.propagate import Remote

__all__ = ["Makers", "ScopeBlock"]

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Function = Callable[P, R]

_OFF_WORD = regex(r"[^0-9a-z]+")


_LONGEST = 256  # characters of a name that is remembered
_MOST_OPTIONS = 1024
_TEXT = (str, type(None))


@lru_cache(maxsize=256)
def _run_type(text: str) -> str:
    return _OFF_WORD.sub("_", clean(text).lower()).strip("_") or "span"


def _is_plain(text: str, redactor: Redactor) -> bool:
    """Say whether a text stands in records as it is."""
    return len(text) <= _LONGEST and not redactor.has_extra and clean(text) == text == redactor.text(text)


def _maker(run_type: str | None, *given: str | tuple[str, str | None], name: str | None = None) -> Callable[[F], F]:
    """Return what makes a method of `Makers` a maker in C; it stays as it is where there is none.

    What a call gives is the method's own answer, and is asked of the method wherever the call is not usual: the name
    no text, a parameter that is not named here, options that are not remembered yet.

    Args:
        run_type: what it makes; None: the type is the method's first argument.
        given: the parameters, in the order of the content; with their content key, where that has another name, and
            None for the provider, which is no content.
        name: the content key of the name, where it has one.
    """
    pairs = [(one, one) if isinstance(one, str) else one for one in given]
    keys = {intern(word): key for word, key in pairs}

    def quick(method: F) -> F:
        made: Any = method if _Maker is None else _Maker(method, run_type, name, keys)
        return made

    return quick


_Maker: Callable[..., Any] | None = None
if NATIVE:
    from agenttrace.record import _native

    _native.classes(Span, Silent, MethodType)
    _Maker = _native.Maker


class ScopeBlock:
    """The block of a `scope(...)`: what is started inside inherits its ids and attributes. Sync and async."""

    def __init__(self, recorder: Recorder, ids: Mapping[str, Id | None], attributes: Mapping[str, Any] | None) -> None:
        self._recorder = recorder
        self._ids = ids
        self._attributes = attributes

    def __enter__(self) -> Self:
        """Add the ids to the scope in force; nested scopes add to the outer ones."""
        context = current_context()
        outer: Any = context.get(SCOPE) or self._recorder.scope
        scope: Scope = outer
        try:
            scope = outer.extended(self._ids, self._attributes, self._recorder.attribute, self._recorder.redactor.text)
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, "scope")
        # On the context, so that a block that a generator holds open over a yield goes with the generator.
        attach(Context(context, **{SCOPE: scope, BLOCKS: (*_blocks(context), (self, context))}))
        return self

    def __exit__(self, *_: object) -> None:
        """Go back to the outer scope."""
        for block, outside in reversed(_blocks(current_context())):
            if block is self:
                attach(outside)
                return

    async def __aenter__(self) -> Self:
        """Add the ids to the scope in force."""
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        """Go back to the outer scope."""
        self.__exit__()


def _blocks(context: Context) -> tuple[tuple[ScopeBlock, Context], ...]:
    """Return the blocks entered here, with the context outside of each. One may be entered in several tasks."""
    return cast("Any", context).get(BLOCKS, ())


class Makers:
    """Makes spans. Each maker is a decorator, bare or with arguments, and a sync and async context manager.

    The first argument of each is the run's name (a prompt's is its prompt type); a decorated function's own name
    otherwise. Values given as keywords are captured when they are given.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    # -- spans -------------------------------------------------------------------------------------

    @overload
    def master(self, name: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def master(self, name: str | None = None, *, input: Any = UNSET, **scope: Unpack[ScopeIds]) -> Span: ...
    @_maker("master", "input")
    def master(self, name: Any = None, *, input: Any = UNSET, **scope: Any) -> Any:
        """Make one agent turn: as a decorator, bare or with arguments, or as a block, sync and async.

        Args:
            name: the run's name; a decorated function's own if left out.
            input: what the turn was asked; a decorated function's arguments if left out, by parameter name.
            scope: the ids of `scope`, and `attributes`: they are those of the turn and of all that happens in it.
                Also `capture=False` (keep neither input nor output), `capture_output=False`, and `ignore`, names of
                parameters that are not kept, as all makers of spans take them.

        Raises:
            TypeError: an id that there is none of.
            ConfigurationError: `name` is neither text nor a function.
        """
        if not scope:
            return self._span("master", name, {"input": input}, {})
        capture = {key: scope.pop(key) for key in ("capture", "capture_output", "ignore") if key in scope}
        attributes = scope.pop("attributes", None)
        unknown = sorted(set(scope) - set(SCOPE_IDS))
        if unknown:
            raise TypeError(
                f"master() got an unexpected keyword argument {unknown[0]!r}; ids are {', '.join(SCOPE_IDS)}"
            )
        return self._make("master", name, {"input": input}, scope=scope, attributes=attributes, **capture)

    @overload
    def tool_call(self, name: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def tool_call(
        self,
        name: str | None = None,
        *,
        input: Any = UNSET,
        tool_call_id: str | None = None,
        tool_configuration: str | None = None,
        **capture: Unpack[Capture],
    ) -> Span: ...
    @_maker("tool_call", "input", "tool_call_id", "tool_configuration")
    def tool_call(
        self,
        name: Any = None,
        *,
        input: Any = UNSET,
        tool_call_id: str | None = None,
        tool_configuration: str | None = None,
        **capture: Any,
    ) -> Any:
        """Make one tool call, as `master` makes a turn; set its `output` and, for the action log, its `payload`.

        Args:
            name: the tool's name; a decorated function's own if left out.
            input: the call's arguments; a decorated function's if left out, by parameter name.
            tool_call_id: the model's id of the call.
            tool_configuration: the tool's set-up.
            capture: `capture`, `capture_output` and `ignore`, see `master`.
        """
        content = {"input": input, "tool_call_id": tool_call_id, "tool_configuration": tool_configuration}
        return self._span("tool_call", name, content, capture)

    @overload
    def context(self, name: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def context(self, name: str | None = None, *, query: Any = UNSET, **capture: Unpack[Capture]) -> Span: ...
    @_maker("context", "query")
    def context(self, name: Any = None, *, query: Any = UNSET, **capture: Any) -> Any:
        """Make one retrieval, as `master` makes a turn; set its `documents`, a list: a decorated function's result.

        Args:
            name: the run's name; a decorated function's own if left out.
            query: what is looked for; of a decorated function the parameter `query`, else the first one.
            capture: `capture`, `capture_output` and `ignore`, see `master`.
        """
        return self._span("context", name, {"query": query}, capture)

    @overload
    def prompt(self, prompt_type: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def prompt(
        self,
        prompt_type: str | None = None,
        *,
        model: str | None = None,
        system_prompt: str | None = None,
        history: Any = None,
        full_prompt: str | None = None,
        tools: Any = None,
        turn_index: int | None = None,
        state_name: str | None = None,
        action: str | None = None,
        provider: str | None = None,
        **capture: Unpack[Capture],
    ) -> Span: ...
    @_maker(
        "prompt",
        *("turn_index", "system_prompt", "history", "full_prompt", ("model", "llm_model"), "state_name", "action"),
        ("provider", None),
        name="prompt_type",
    )
    def prompt(
        self,
        prompt_type: Any = None,
        *,
        model: str | None = None,
        system_prompt: str | None = None,
        history: Any = None,
        full_prompt: str | None = None,
        tools: Any = None,
        turn_index: int | None = None,
        state_name: str | None = None,
        action: str | None = None,
        provider: str | None = None,
        **capture: Any,
    ) -> Any:
        """Make one call of a language model, as `master` makes a turn; set its `response` and `usage`.

        Args:
            prompt_type: what the prompt is for, e.g. `engage_user`; the run's name as well.
            model: the model's name.
            system_prompt: the instructions, as text.
            history: the messages before the answer, a list of objects.
            full_prompt: the prompt as rendered for the model, where that is one text.
            tools: what the model was offered: names, definitions or functions; their names are kept.
            turn_index: which turn of the conversation it is.
            state_name: the state of the agent's state machine.
            action: what the model decided to do.
            provider: the model's provider.
            capture: `capture`, `capture_output` and `ignore`, see `master`.
        """
        content = {
            "prompt_type": prompt_type if isinstance(prompt_type, str) else None,
            "turn_index": turn_index,
            "system_prompt": system_prompt,
            "history": history,
            "full_prompt": full_prompt,
            "llm_model": model,
            "state_name": state_name,
            "action": action,
            "tool_names": None if tools is None else tool_names(tools),
        }
        return self._span("prompt", prompt_type, content, capture, state_name, provider)

    @overload
    def predefined_behaviour(self, name: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def predefined_behaviour(
        self, name: str | None = None, *, trigger: Any = None, input: Any = UNSET, **capture: Unpack[Capture]
    ) -> Span: ...
    @_maker("predefined_behaviour", "trigger", "input")
    def predefined_behaviour(self, name: Any = None, *, trigger: Any = None, input: Any = UNSET, **capture: Any) -> Any:
        """Make one run of a behaviour that was defined beforehand, as `master` makes a turn.

        Args:
            name: the behaviour; a decorated function's own name if left out.
            trigger: what set it off.
            input: what it was given; a decorated function's arguments if left out, by parameter name.
            capture: `capture`, `capture_output` and `ignore`, see `master`.
        """
        content = {"trigger": trigger, "input": input}
        return self._span("predefined_behaviour", name, content, capture)

    @_maker(None, "input")
    def span(self, run_type: str, name: str | None = None, *, input: Any = UNSET, **capture: Unpack[Capture]) -> Span:
        """Make a run of any type, as `master` makes a turn.

        Args:
            run_type: one of the documented types, or any other word; what is no lower_snake_case becomes it.
            name: the run's name; a decorated function's own, else the type, if left out.
            input: what went in (a context's query); a decorated function's arguments if left out.
            capture: `capture`, `capture_output` and `ignore`, see `master`.

        Raises:
            ConfigurationError: `run_type` is no text.
        """
        if not isinstance(run_type, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f'run_type: must be a text, as in span("plan"), got {run_type!r}')
        kind = _run_type(run_type)
        return self._span(
            kind, name, {"query" if kind == "context" else "input": input}, cast("dict[str, Any]", capture)
        )

    def _span(
        self,
        run_type: str,
        name: Any,
        content: dict[str, Any],
        capture: dict[str, Any],
        state_name: str | None = None,
        provider: str | None = None,
    ) -> Any:
        """Make a span, as most are: named by a text, with nothing special about capturing."""
        recorder = self._recorder
        if not recorder.enabled and type(name) is str and not capture:
            return silent(self, run_type, name, content, provider)
        if type(name) is str and not capture and type(state_name) in _TEXT and type(provider) in _TEXT:
            options = recorder.options.get((run_type, name, state_name, provider))
            if options is None:
                options = self._learn(run_type, name, state_name, provider)
            if options is not None:
                return opened(Span, recorder, options, content)
        return self._make(run_type, name, content, provider=provider, **capture)

    def _made(self, run_type: str, name: str, content: dict[str, Any], provider: str | None) -> Any:
        return self._make(run_type, name, content, provider=provider)

    def _learn(self, run_type: str, name: str, state_name: str | None, provider: str | None) -> Options | None:
        """Return the options of all spans that are named so, and remember them; None where the texts need care."""
        known, redactor = self._recorder.options, self._recorder.redactor
        if not all(text is None or _is_plain(text, redactor) for text in (name, state_name, provider)):
            return None
        if len(known) >= _MOST_OPTIONS:
            known.clear()
        options = Options(run_type, name, state_name=state_name, provider=provider)
        known[run_type, name, state_name, provider] = options
        return options

    def _make(
        self,
        run_type: str,
        name: Any,
        content: Mapping[str, Any],
        *,
        scope: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
        provider: str | None = None,
        capture: bool = True,
        capture_output: bool = True,
        ignore: Any = (),
    ) -> Any:
        function: Any = None
        if name is not None and not isinstance(name, str):
            if not callable(name) and not isinstance(name, staticmethod | classmethod):
                raise ConfigurationError(f"name: must be a text, or the function to decorate, got {name!r}")
            function = cast("Any", name)
            name = None
        given = {key: value for key, value in content.items() if value is not UNSET and value is not None}
        redact = self._recorder.redactor.text
        for key in ENVELOPE_KEYS & given.keys():
            given[key] = redact(clean(given[key]))
        options = Options(
            run_type=run_type,
            name=None if name is None else redact(clean(name)),
            content=given,
            scope=scope or ({} if attributes else None),
            attributes=attributes,
            provider=None if provider is None else redact(clean(provider)),
            capture=capture,
            capture_output=capture_output,
            ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
        )
        span = Span(self._recorder, options)
        return span if function is None else span(function)

    # -- scope and entities ------------------------------------------------------------------------

    def scope(
        self,
        *,
        workspace_id: Id | None = None,
        agent_key: str | None = None,
        session_id: Id | None = None,
        conversation_id: Id | None = None,
        call_sid: str | None = None,
        ai_contact_id: Id | None = None,
        user_id: Id | None = None,
        team_id: Id | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> ScopeBlock:
        """Return a block whose spans inherit these ids and attributes; blocks nest, None inherits the outer value.

        Ids are text or UUIDs. A `workspace_id` other than the one in force begins with no other id and no attribute:
        nothing is inherited across tenants. What was set before any workspace was named goes along.
        """
        ids: dict[str, Id | None] = {
            "workspace_id": workspace_id,
            "agent_key": agent_key,
            "session_id": session_id,
            "conversation_id": conversation_id,
            "call_sid": call_sid,
            "ai_contact_id": ai_contact_id,
            "user_id": user_id,
            "team_id": team_id,
        }
        return ScopeBlock(self._recorder, ids, attributes)

    def register_contact(self, id: Id, *, workspace_id: Id | None = None) -> None:
        """Make an AI contact exist before its first run, in this workspace, else in the scope's. Never raises."""
        self._register("contact", id, {"workspace_id": workspace_id})

    def register_session(
        self,
        id: Id,
        *,
        agent_key: str | None = None,
        user_id: Id | None = None,
        team_id: Id | None = None,
        conversation_id: Id | None = None,
        call_sid: str | None = None,
        workspace_id: Id | None = None,
    ) -> None:
        """Make a session exist before its first run, with its agent, its owner and the owner's team. Never raises.

        `id` is a UUID, a session key, or any text that names it. Without a `workspace_id` it is in the scope's.
        """
        ids: dict[str, Id | None] = {
            "workspace_id": workspace_id,
            "agent_key": agent_key,
            "session_id": id,
            "conversation_id": conversation_id,
            "call_sid": call_sid,
            "user_id": user_id,
            "team_id": team_id,
        }
        self._register("session", id, ids)

    def register_agent(self, agent_key: str, name: str | None = None, *, workspace_id: Id | None = None) -> None:
        """Make an agent exist before its first run, and give it a display name. Never raises.

        The name that is registered last counts. Without a `workspace_id` it is in the scope's.
        """
        self._register("agent", agent_key, {"workspace_id": workspace_id}, name)

    def _register(self, kind: str, identity: Id, ids: Mapping[str, Id | None], name: str | None = None) -> None:
        try:
            if identity is None or not str(identity):  # pyright: ignore[reportUnnecessaryComparison]
                raise ConfigurationError(f"register_{kind}: takes a UUID or a text that names it, got {identity!r}")
            outer: Any = current_context().get(SCOPE) or EMPTY
            workspace = {"workspace_id": outer.ids.get("workspace_id")}
            given = {key: value for key, value in ids.items() if value is not None}
            scope: Scope = EMPTY.extended(
                {**workspace, **given}, None, self._recorder.attribute, self._recorder.redactor.text
            )
            self._recorder.entity(kind, veiled(clean(str(identity))), scope=scope.ids, name=name)
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, f"register_{kind}")

    # -- context, which all tracers share ----------------------------------------------------------

    def current(self) -> Span:
        """Return the innermost open span, whichever tracer made it: what `agenttrace.current` returns."""
        return current()

    def inject(self, headers: MutableMapping[str, str]) -> MutableMapping[str, str]:
        """Write the current span and its scope into the headers and return them, as `agenttrace.inject` does."""
        with LOADING:
            from agenttrace.record.propagate import inject
        return inject(headers)

    def extract(self, headers: Mapping[str, str], *, trusted: bool = False) -> Remote:
        """Return a block that continues the sender's trace, as `agenttrace.extract` does."""
        with LOADING:
            from agenttrace.record.propagate import extract
        return extract(headers, trusted=trusted)

    def wrap(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function bound to the current span and scope, as `agenttrace.wrap` does."""
        with LOADING:
            from agenttrace.record.propagate import wrap
        return wrap(function)
