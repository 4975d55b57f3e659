"""The engine's errors as Home Assistant's, translated, in one place."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import (
    ConfigEntryAuthFailed,
    ConfigEntryError,
    ConfigEntryNotReady,
    HomeAssistantError,
    ServiceValidationError,
)

from .const import DOMAIN
from .engine.errors import (
    CredentialsError,
    EngineError,
    LibraryError,
    MetainfoError,
    NotReachableError,
    RateLimitedError,
    TicketError,
    TransitionError,
    UnexpectedReplyError,
    UnknownTicketError,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what the engine raises as an error that a person sees in their language."""
    try:
        yield
    except EngineError as error:
        # A magnet link that is none was written by the caller, as was a ticket that cannot do what was asked.
        is_callers_fault = isinstance(error, TicketError | MetainfoError)
        raise (ServiceValidationError if is_callers_fault else HomeAssistantError)(
            translation_domain=DOMAIN,
            translation_key=error_key(error),
            translation_placeholders={"error": str(error)},
        ) from error


@contextmanager
def setup_errors() -> Iterator[None]:
    """Raise what the engine raises while it starts as what a config entry understands."""
    try:
        yield
    except EngineError as error:
        kind: type[HomeAssistantError] = ConfigEntryError
        if isinstance(error, CredentialsError):
            kind = ConfigEntryAuthFailed
        elif isinstance(error, NotReachableError | RateLimitedError):
            kind = ConfigEntryNotReady
        raise kind(
            translation_domain=DOMAIN,
            translation_key=error_key(error),
            translation_placeholders={"error": str(error)},
        ) from error


def error_key(error: EngineError) -> str:
    """Give the translation key of an error; forms and exceptions use the same."""
    match error:
        case UnknownTicketError():
            return "unknown_ticket"
        case TransitionError():
            return "not_now"
        case TicketError():
            return "ticket_refused"
        case CredentialsError():
            return "invalid_auth"
        case NotReachableError():
            return "cannot_connect"
        case RateLimitedError():
            return "rate_limited"
        case UnexpectedReplyError():
            return "unexpected_reply"
        case MetainfoError():
            return "invalid_magnet"
        case LibraryError():
            return "folder_unusable"
        case _:
            return "engine_failed"
