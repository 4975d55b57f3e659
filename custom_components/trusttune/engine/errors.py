"""The engine's errors: each package raises its own kind, and every message tells a person what to do."""


class EngineError(Exception):
    """Something in the engine cannot be done; the message says what and why."""


class NotReachableError(EngineError):
    """The other side did not answer, or not in time; trying again later may help."""


class CredentialsError(EngineError):
    """The other side refused the key or password; nothing helps but a new one."""


class UnexpectedReplyError(EngineError):
    """The other side answered, but not what its interface promises (a login page, for one)."""


class RateLimitedError(EngineError):
    """The other side asks to be left alone for `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TicketError(EngineError):
    """A ticket cannot do what was asked of it."""


class UnknownTicketError(TicketError):
    """There is no ticket with this id."""


class TransitionError(TicketError):
    """The table of transitions does not allow this move."""


class IndexerError(EngineError):
    """An indexer could not be asked, or gave no usable answer."""


class MetainfoError(IndexerError):
    """A .torrent file or magnet link is not one, is too large, or leads where it may not."""


class TorrentClientError(EngineError):
    """The torrent client refused or failed."""


class LibraryError(EngineError):
    """Files could not be checked or placed; nothing of the album was left behind."""


class LlmError(EngineError):
    """The language model is away, too slow, or answered something that is no opinion."""
