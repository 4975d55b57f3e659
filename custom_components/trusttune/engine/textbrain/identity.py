"""The gate: is a release the wanted album by the wanted artist? What it refuses nothing else lets through."""

import re
from collections import Counter
from collections.abc import Iterator

from ..config import QualityProfile
from ..wanted.album import WantedAlbum
from .candidate import Finding, Verdict
from .names import SHORT_NAME_LENGTH, best_likeness, likeness, name_readings, numerals
from .release import ParsedRelease, flag_words_of
from .words import Flag

ARTIST_LIKENESS = 90.0
ALBUM_LIKENESS = 90.0

_REASONS = {
    Flag.LIVE: "It is a live recording.",
    Flag.TRIBUTE: "It is a tribute by others.",
    Flag.KARAOKE: "It is a karaoke version.",
    Flag.COVER: "It is a recording of covers.",
    Flag.REMIX: "It is a remix.",
    Flag.INSTRUMENTAL: "It is an instrumental version.",
    Flag.A_CAPPELLA: "It is an a cappella version.",
    Flag.DEMO: "It is a demo or a collection of unreleased takes.",
    Flag.RERECORDED: "It is a later recording of the same songs.",
    Flag.OTHER_LANGUAGE: "It is a version in another language.",
    Flag.PARTIAL: "It is only a part of the album.",
}
_FEATURING = re.compile(r"[ (\[](?:feat|ft|featuring|with)\.? .*$", re.IGNORECASE)
_OTHER_PART = re.compile(r"\b(?:part|volume|chapter|book|act) \d+\b")
_JOINED = re.compile(r" (?:/|\+|\|) ")
_LISTED = re.compile(r" (?:/|\+|&|\|) |[,;] ")
_EXCLUDES = re.compile(r"(?:without|except|excluding|excl\.?|minus|no)\b", re.IGNORECASE)


def judge_identity(wanted: WantedAlbum, parsed: ParsedRelease, profile: QualityProfile) -> tuple[Finding, ...]:
    """Compare artist, album, kind of recording and year; any refusal among the findings is final."""
    findings = [*_names(wanted, parsed), *_kind(wanted, parsed, profile)]
    findings.append(_year(wanted, parsed))
    return tuple(findings)


def _names(wanted: WantedAlbum, parsed: ParsedRelease) -> tuple[Finding, ...]:
    """Artist and album, by the way of splitting the title that fits best."""
    if not parsed.names:
        return (Finding("artist", Verdict.REFUSED, "The title names neither an artist nor an album."),)
    artists = (wanted.artist, *wanted.artist_aliases)
    best: tuple[Finding, ...] = ()
    best_rank = -1.0
    for artist, albums in _splits(wanted, parsed):
        found = (_artist(artists, artist), _album(wanted, parsed, albums))
        passed = [finding.verdict is not Verdict.REFUSED for finding in found]
        rank = 10.0 * sum(passed) + passed[0] + sum(finding.weight for finding in found) / 10
        if rank > best_rank:
            best, best_rank = found, rank
    return best


def _splits(wanted: WantedAlbum, parsed: ParsedRelease) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Ways to read artist and album out of the parts of the title, the usual one first."""
    names = parsed.names
    if len(names) > 1:
        yield names[0], parsed.album_readings
        for place in range(2, min(len(names), 5)):
            yield " - ".join(names[:place]), (" - ".join(names[place:]),)
        if len(names) == 2:
            yield names[1], (names[0],)  # "Album - Artist"
        return
    only = names[0]
    if parsed.is_discography:
        yield only, ()
    before, by, after = only.rpartition(" by ")
    if by:
        yield after, (before,)
    for reading in (*parsed.album_readings, only):
        for known in (wanted.artist, *wanted.artist_aliases):
            if len(reading) > len(known) and reading.casefold().startswith(f"{known.casefold()} "):
                yield reading[: len(known)], (reading[len(known) :].strip(),)
    if likeness(wanted.artist, wanted.title) == 100:
        yield only, (only,)  # a self-titled album is often named once
    yield None, parsed.album_readings


def _artist(wanted: tuple[str, ...], found: str | None) -> Finding:
    if found is None:
        return Finding("artist", Verdict.REFUSED, "The title does not name the artist.")
    alike = max(best_likeness(wanted, found), best_likeness(wanted, _FEATURING.sub("", found)))
    if alike == 100:
        return Finding("artist", Verdict.GOOD, f"The artist is {wanted[0]}.", 2.2)
    if alike >= ARTIST_LIKENESS and any(numerals(name) == numerals(found) for name in wanted):
        return Finding("artist", Verdict.POOR, f"The artist is written {found}, almost like {wanted[0]}.", 0.6)
    return Finding("artist", Verdict.REFUSED, f"It is by {found}, not by {wanted[0]}.")


def _album(wanted: WantedAlbum, parsed: ParsedRelease, readings: tuple[str, ...]) -> Finding:
    title = wanted.title
    exact = [reading for reading in readings if likeness(title, reading) == 100]
    if exact:
        return Finding("album", Verdict.GOOD, f"The album is {title}.", 2.2)
    same_numbers = [reading for reading in readings if numerals(reading) == numerals(title)]
    if best_likeness(same_numbers, title) >= ALBUM_LIKENESS:
        return Finding("album", Verdict.POOR, f"The album is written {same_numbers[0]}, almost like {title}.", 0.4)
    if parsed.is_discography:
        return _pack(wanted, parsed, readings)
    parts = [part for reading in readings[-1:] for part in _JOINED.split(reading)]
    if len(parts) > 1 and any(likeness(title, part) == 100 for part in parts if len(part) > SHORT_NAME_LENGTH):
        return Finding("album", Verdict.POOR, f"It holds {title} together with another album.", 0.4)
    if not readings:
        return Finding("album", Verdict.REFUSED, "The title does not name an album.")
    found = readings[0]
    wordless = {" ".join(word for word in reading.split() if not word.isdecimal()) for reading in name_readings(title)}
    if any(
        " ".join(word for word in reading.split() if not word.isdecimal()) in wordless
        for reading in name_readings(found)
    ):
        return Finding("album", Verdict.REFUSED, f"It is {found}, another part or number than {title}.")
    return Finding("album", Verdict.REFUSED, f"It is the album {found}, not {title}.")


def _pack(wanted: WantedAlbum, parsed: ParsedRelease, readings: tuple[str, ...]) -> Finding:
    """Take a discography when it demonstrably holds the album: named, or by years that include its own."""
    said = [*readings, *parsed.leftovers]
    if any(_EXCLUDES.match(rest) for rest in parsed.leftovers):
        return Finding("album", Verdict.REFUSED, "It is a pack that leaves albums out.")
    if any(likeness(wanted.title, part) == 100 for text in said for part in _LISTED.split(text)):
        return Finding("album", Verdict.POOR, f"It is a pack of several albums that names {wanted.title}.", 0.2)
    if parsed.year is None or parsed.year_end is None or wanted.year is None:
        return Finding("album", Verdict.REFUSED, f"It is a pack that does not say whether it holds {wanted.title}.")
    if not parsed.year <= wanted.year <= parsed.year_end:
        span = f"{parsed.year} to {parsed.year_end}"
        return Finding(
            "album", Verdict.REFUSED, f"It is a pack of the years {span}; {wanted.title} is of {wanted.year}."
        )
    return Finding("album", Verdict.POOR, "It is a pack of several albums of the years around it.", 0.0)


def _kind(wanted: WantedAlbum, parsed: ParsedRelease, profile: QualityProfile) -> Iterator[Finding]:
    """Kinds of recording that are not wanted, unless the wanted name itself says the word."""
    own = Counter(flag for name in (wanted.title, wanted.artist) for flag, _ in flag_words_of(name))
    said = Counter(flag for flag, _ in parsed.flag_words)
    said.subtract(own)
    refused = False
    for flag, reason in _REASONS.items():
        if said[flag] <= 0:
            continue
        if flag is Flag.LIVE and profile.allow_live:
            yield Finding("kind", Verdict.POOR, "It is a live recording, which your profile allows.", -0.4)
            continue
        refused = True
        yield Finding("kind", Verdict.REFUSED, reason)
    own_words = " ".join(name_readings(wanted.title))
    for rest in parsed.leftovers:
        if (part := _OTHER_PART.search(" ".join(name_readings(rest)[-1:]))) and part[0] not in own_words:
            refused = True
            yield Finding("kind", Verdict.REFUSED, f"It says {rest}: another part.")
    if wanted.album_type == "album":
        for flag, name in ((Flag.SINGLE, "a single"), (Flag.EP, "an EP")):
            if said[flag] > 0 and not parsed.is_discography:
                refused = True
                yield Finding("kind", Verdict.REFUSED, f"It is {name}, not the album.")
    elif wanted.album_type == "single" and said[Flag.SINGLE] <= 0 and own[Flag.SINGLE] == 0:
        yield Finding("kind", Verdict.POOR, "It does not say that it is the single.", -1.2)
    if not refused:
        yield Finding("kind", Verdict.PASSED, "It is not a live, tribute, cover or other version.")


def _year(wanted: WantedAlbum, parsed: ParsedRelease) -> Finding:
    if wanted.year is None or parsed.year is None:
        return Finding("year", Verdict.PASSED, "The year cannot be compared.")
    if parsed.year_end is not None:
        return Finding("year", Verdict.PASSED, f"It spans {parsed.year} to {parsed.year_end}.")
    apart = parsed.year - wanted.year
    if abs(apart) <= 1:
        return Finding("year", Verdict.GOOD, f"The year {parsed.year} fits.", 0.6)
    if apart > 0 and parsed.edition:
        return Finding("year", Verdict.PASSED, f"It is a later edition of {parsed.year}.", 0.2)
    if likeness(wanted.artist, wanted.title) == 100:
        return Finding(
            "year", Verdict.REFUSED, f"It is the self-titled album of {parsed.year}, not that of {wanted.year}."
        )
    if apart > 0:
        text = f"It says {parsed.year}, later than {wanted.year}: perhaps a reissue."
        return Finding("year", Verdict.POOR, text, -0.6)
    text = f"It says {parsed.year}, earlier than the album of {wanted.year}."
    return Finding("year", Verdict.POOR, text, -1.6)
