"""A ticket: one wanted album on its way, who asked for it, and where it stands."""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from ..textbrain.candidate import Candidate
from ..wanted.album import WantedAlbum
from .state import TERMINAL, State

TAG_PREFIX = "ticket:"


class Source(StrEnum):
    """By which way somebody asked."""

    PERSON = "person"
    VOICE = "voice"
    AUTOMATION = "automation"
    SCAN = "scan"


class Priority(StrEnum):
    """How soon a ticket's turn comes; people come before the scan."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Larger is sooner."""
        return {"high": 2, "normal": 1, "low": 0}[self.value]


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked, and how."""

    name: str
    source: Source = Source.PERSON


@dataclass(frozen=True, slots=True)
class StoredCandidate:
    """A candidate as it travels with its ticket; the number never changes its meaning."""

    number: int
    candidate: Candidate
    info_hash: str | None = None
    torrent: bytes | str | None = None
    """The fetched .torrent, or a magnet link; None until it was fetched."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One wanted album on its way. Times are seconds since the epoch."""

    id: str
    wanted: WantedAlbum
    state: State
    priority: Priority
    requesters: tuple[Requester, ...]
    created_at: float
    updated_at: float
    reason: str = ""
    """Why it stands where it stands, for people."""
    retry_state: State | None = None
    """For a failed ticket: where a retry goes on; None where none may help."""
    attempts: int = 0
    is_dry_run: bool = False
    is_cancelling: bool = False
    chosen: int | None = None
    """The number of the candidate that was approved."""
    info_hash: str | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing will ever move it again."""
        return self.state in TERMINAL

    @property
    def tag(self) -> str:
        """How its torrent is known in the torrent client."""
        return f"{TAG_PREFIX}{self.id}"


def new_ticket_id() -> str:
    """Give a short id that is not guessed and reads well aloud."""
    return secrets.token_hex(5)


def ticket_ids_of(tags: frozenset[str]) -> frozenset[str]:
    """Give the tickets a torrent's tags name; a pack may serve several."""
    return frozenset(tag.removeprefix(TAG_PREFIX) for tag in tags if re.fullmatch(rf"{TAG_PREFIX}[0-9a-f]{{10}}", tag))
