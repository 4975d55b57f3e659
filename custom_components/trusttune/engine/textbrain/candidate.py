"""A release that was judged: what was checked, what was found, how sure we are."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..indexers.release import IndexedRelease


class Verdict(StrEnum):
    """What one check says about a release."""

    PASSED = "passed"
    GOOD = "good"
    POOR = "poor"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, what it says, what it weighed, and a sentence for people."""

    check: str
    verdict: Verdict
    text: str
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Which file of a torrent is which wanted track.

    `files` maps (disc, track number) to the file's index in the torrent; `missing` are the tracks
    without a file.
    """

    files: dict[tuple[int, int], int]
    missing: tuple[tuple[int, int], ...] = ()

    @property
    def coverage(self) -> float:
        """Share of the wanted tracks that have a file, 0 to 1."""
        total = len(self.files) + len(self.missing)
        return len(self.files) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release judged for one wanted album.

    `confidence` is the probability (0 to 1) that taking it is right; it is 0 for a refused one.
    """

    release: IndexedRelease
    confidence: float
    findings: tuple[Finding, ...] = ()
    explanation: str = ""
    format: str | None = None
    mapping: FileMapping | None = field(default=None)

    @property
    def is_refused(self) -> bool:
        """Whether any check refused it."""
        return any(finding.verdict is Verdict.REFUSED for finding in self.findings)
