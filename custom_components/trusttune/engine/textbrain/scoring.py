"""Scores what the gate let through: what can never be taken, how sure we are, and which of two sound ones is better.

Confidence is about being right; preference (format, source, edition, seeders) only orders. The weights are log-odds
set by hand; nothing has calibrated them yet.
"""

import math
from collections.abc import Iterator, Sequence

from ..config import QualityProfile
from ..indexers.release import IndexedRelease
from ..wanted.album import WantedAlbum
from .candidate import FileMapping, Finding, Verdict
from .release import ParsedRelease
from .words import Flag

PREFERENCES = frozenset({"format", "source", "edition", "health"})
"""Checks whose weight orders candidates and does not touch the confidence."""

BIAS = -2.0
"""Log-odds of a release about which nothing is known yet: about one in eight is right."""

_HARD_REASONS = {
    Flag.VIDEO: "It is video, not an album's audio.",
    Flag.AUDIOBOOK: "It is an audiobook.",
    Flag.TEXT: "It is a book or sheet music.",
    Flag.PROGRAM: "It is a program or raw material for one.",
    Flag.BAIT: "It asks for a password or a program to be run: this is bait.",
    Flag.DISC_IMAGE: "It is a disc image, which cannot be placed as tracks.",
}
# Average bit rates in kbit/s (lowest, highest) that a format honestly reaches over an album.
_KBPS = {
    "flac": (200, 1600),
    "alac": (200, 1600),
    "ape": (200, 1600),
    "wavpack": (200, 1600),
    "wav": (700, 1600),
    "dsd": (2000, 12000),
    "mp3-v0": (170, 320),
    "mp3-v2": (120, 260),
    "mp3": (90, 330),
    "aac": (60, 330),
    "opus": (40, 330),
    "ogg": (60, 520),
    "wma": (60, 330),
}
_LOSSLESS = frozenset({"flac", "alac", "ape", "wavpack", "wav", "dsd"})
_ANY_KBPS = (60, 9500)
_EXTRAS_BYTES = 150 * 1024 * 1024
_ENLARGING = frozenset({"deluxe", "anniversary", "expanded", "bonus", "box set"})
_UNTIMED_BYTES = (3 * 1024 * 1024, 12 * 1024**3)


def score(
    wanted: WantedAlbum, release: IndexedRelease, parsed: ParsedRelease, profile: QualityProfile
) -> tuple[Finding, ...]:
    """Check content, format, size, source, edition and health of a release."""
    return (
        *_content(release, parsed),
        *_format(parsed, profile),
        _size(wanted, release, parsed),
        _source(parsed),
        _edition(parsed),
        _health(release),
    )


def confidence(findings: Sequence[Finding]) -> float:
    """Probability (0 to 1) that taking the release is right: 0 when anything refused it, else 1/(1+e^-x).

    x is BIAS plus the weights of all findings that are not preferences: each weight is the log of how much more often
    the finding is made on a right release than on a wrong one (logistic regression's form, naive Bayes' reading).
    """
    if any(finding.verdict is Verdict.REFUSED for finding in findings):
        return 0.0
    odds = BIAS + math.fsum(finding.weight for finding in findings if finding.check not in PREFERENCES)
    return round(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds)))), 4)


def preference(findings: Sequence[Finding]) -> float:
    """How much the household likes the release, for ordering equals; without unit."""
    return math.fsum(finding.weight for finding in findings if finding.check in PREFERENCES)


def coverage_finding(mapping: FileMapping) -> Finding:
    """Say what the file list shows: the share of the wanted tracks that have a file."""
    total = len(mapping.files) + len(mapping.missing)
    if not mapping.files:
        return Finding("tracks", Verdict.REFUSED, "None of the album's tracks was found among its files.")
    if mapping.coverage < 0.5:
        return Finding("tracks", Verdict.REFUSED, f"Only {len(mapping.files)} of {total} tracks were found in it.")
    if not mapping.missing:
        return Finding("tracks", Verdict.GOOD, f"All {total} tracks were found.", 2.0)
    weight = round(10 * mapping.coverage - 9, 2)  # 0.9 says nothing either way
    return Finding("tracks", Verdict.POOR, f"{len(mapping.files)} of {total} tracks were found.", min(weight, 1.0))


def _content(release: IndexedRelease, parsed: ParsedRelease) -> Iterator[Finding]:
    categories = set(release.categories)
    if 3020 in categories:
        yield Finding("content", Verdict.REFUSED, "The indexer lists it as music video.")
    elif 3030 in categories:
        yield Finding("content", Verdict.REFUSED, "The indexer lists it as audiobook.")
    elif (known := {number // 1000 for number in categories if 1000 <= number < 9000}) and 3 not in known:
        yield Finding("content", Verdict.REFUSED, "The indexer does not list it as audio.")
    flags = parsed.flags
    for flag, reason in _HARD_REASONS.items():
        includes_audio = flag is Flag.VIDEO and parsed.format is not None and _says_only(parsed, "dvd")
        if flag in flags and not includes_audio:
            yield Finding("content", Verdict.REFUSED, reason)
    if Flag.ONE_FILE in flags:
        yield Finding("content", Verdict.POOR, "It holds a disc in one file, which would have to be split.", -1.5)


def _says_only(parsed: ParsedRelease, word: str) -> bool:
    return all(said == word for flag, said in parsed.flag_words if flag is Flag.VIDEO)


def _format(parsed: ParsedRelease, profile: QualityProfile) -> Iterator[Finding]:
    if parsed.format is None:
        if not profile.allow_unknown_format:
            yield Finding("format", Verdict.REFUSED, "It does not say its format, and your profile asks for one.")
        else:
            yield Finding("format", Verdict.POOR, "It does not say its format.", -20.0)
            yield Finding("format is said", Verdict.POOR, "Without a format its size says less.", -0.8)
        return
    name = format_name(parsed)
    rank = _rank(parsed.format, profile)
    if rank is None:
        yield Finding("format", Verdict.REFUSED, f"It is {name}, which your profile does not allow.")
        return
    verdict = Verdict.GOOD if rank == 0 else Verdict.PASSED
    yield Finding("format", verdict, f"{name}.", -2.0 * rank)


def _rank(found: str, profile: QualityProfile) -> int | None:
    """Place of a format in the profile; MP3 of unknown bit rate stands with the least MP3 the profile accepts."""
    if found in profile.formats:
        return profile.formats.index(found)
    if found == "mp3":
        return max((place for place, name in enumerate(profile.formats) if name.startswith("mp3-")), default=None)
    return None


def format_name(parsed: ParsedRelease) -> str:
    """Name the format for people: "FLAC 24 bit", "MP3 320"."""
    if parsed.format is None:
        return "an unknown format"
    name = parsed.format.upper().replace("-", " ")
    return f"{name} {parsed.bit_depth} bit" if parsed.bit_depth and parsed.format in _LOSSLESS else name


def _size(wanted: WantedAlbum, release: IndexedRelease, parsed: ParsedRelease) -> Finding:
    size = release.size_bytes
    if size is None or size <= 0:
        return Finding("size", Verdict.PASSED, "The indexer does not say its size.")
    megabytes = f"{size / 1024**2:,.0f} MB"
    durations = [track.duration_s for track in wanted.tracks if track.duration_s]
    if not wanted.tracks or len(durations) < len(wanted.tracks):
        least, a_lot = _UNTIMED_BYTES
        if not least <= size and wanted.album_type != "single":
            return Finding("size", Verdict.REFUSED, f"{megabytes} is too little for an album.")
        if size > a_lot and not parsed.is_discography:
            return Finding("size", Verdict.POOR, f"{megabytes} is a lot for one album.", -0.8)
        return Finding("size", Verdict.PASSED, f"{megabytes}; the album's duration is not known.")
    seconds = math.fsum(durations)
    lowest, highest = _bounds_kbps(parsed)
    impossible, most = 0.85 * lowest * 125 * seconds, 1.25 * highest * 125 * seconds + _EXTRAS_BYTES
    if size < impossible:
        text = f"{megabytes} is impossible for {seconds / 60:.0f} minutes of {format_name(parsed)}: too small."
        return Finding("size", Verdict.REFUSED, text)
    if parsed.is_discography or (parsed.discs or 1) > 1 or _ENLARGING & set(parsed.edition):
        if size > most * 60:
            return Finding("size", Verdict.REFUSED, f"{megabytes} is impossibly large.")
        return Finding("size", Verdict.PASSED, f"{megabytes}, with more than the album in it.")
    if size > most * 2:
        text = f"{megabytes} is impossible for {seconds / 60:.0f} minutes of {format_name(parsed)}: too large."
        return Finding("size", Verdict.REFUSED, text)
    if size > most:
        return Finding("size", Verdict.POOR, f"{megabytes} is more than the album should take.", -0.8)
    weight = 0.6 if parsed.format else 0.2
    return Finding("size", Verdict.GOOD, f"{megabytes} fits the album's duration.", weight)


def _bounds_kbps(parsed: ParsedRelease) -> tuple[float, float]:
    if parsed.format is None:
        return _ANY_KBPS
    if parsed.format in _LOSSLESS and (parsed.bit_depth or 16) > 16:
        rate = parsed.sample_rate_hz or 192000
        return 300, 2 * (parsed.bit_depth or 24) * rate / 1000
    if parsed.format in _KBPS:
        return _KBPS[parsed.format]
    _, _, bitrate = parsed.format.partition("-")
    if bitrate.isdecimal():
        return int(bitrate) * 0.9, int(bitrate) * 1.1
    return _ANY_KBPS


def _source(parsed: ParsedRelease) -> Finding:
    weight = {"cd": 0.5, "web": 0.5, None: 0.0, "sacd": 0.2, "vinyl": -0.5, "cassette": -1.0}.get(parsed.source, 0.0)
    said = (
        f"From {parsed.source.upper() if parsed.source in {'cd', 'sacd'} else parsed.source}." if parsed.source else ""
    )
    return Finding("source", Verdict.PASSED, said or "It does not say its source.", weight)


def _edition(parsed: ParsedRelease) -> Finding:
    if parsed.is_discography:
        return Finding("edition", Verdict.POOR, "A pack brings more than the album.", -100.0)
    enlarged = [word for word in parsed.edition if word in _ENLARGING]
    if enlarged:
        return Finding("edition", Verdict.PASSED, f"An edition with extras ({', '.join(enlarged)}).", -40.0)
    return Finding(
        "edition", Verdict.PASSED, f"Edition: {', '.join(parsed.edition)}." if parsed.edition else "The plain album."
    )


def _health(release: IndexedRelease) -> Finding:
    seeders = release.seeders
    if seeders is None:
        return Finding("health", Verdict.PASSED, "The indexer does not say how many share it.", -0.1)
    if seeders <= 0:
        return Finding("health", Verdict.REFUSED, "Nobody shares it.")
    shared = f"{seeders} seeder{'s' if seeders != 1 else ''}"
    return Finding("health", Verdict.GOOD if seeders > 1 else Verdict.PASSED, f"{shared}.", min(0.4, seeders / 1000))
