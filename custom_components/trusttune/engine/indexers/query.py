"""What an indexer is asked for."""

from dataclasses import dataclass

from ..wanted.album import fold


@dataclass(frozen=True, slots=True)
class Query:
    """One search: the wanted names, and the words to send to an indexer that takes only words."""

    artist: str
    album: str
    year: int | None
    text: str

    @property
    def is_plain(self) -> bool:
        """Whether the words are just artist and album, so that separate fields say the same."""
        return fold(self.text) == fold(f"{self.artist} {self.album}")
