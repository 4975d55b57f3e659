"""Reads a release title: artist, album and everything else people write into it. Called for every listed release.

Scene names, tracker names with brackets in any order, and bare names are read by the same steps: clean, take the
brackets apart, split at the dashes, and cut off what belongs to the vocabulary.
"""

import re
import unicodedata
from dataclasses import dataclass

from .words import Flag, Kind, Mark, scan, without

MAX_TITLE_LENGTH = 1000
"""What lies beyond is not read: no honest title is longer, and the bound keeps hostile ones cheap."""

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_CUT = "\x1f"  # stands in the running text where a bracket of tags was
_BRACKET_VARIANTS = str.maketrans("【】「」『』〔〕［］（）｛｝–—―‒−‐", "[][][][][](){}------")
_DASH = re.compile(r" -+ ?|-+ ")
_EXTENSION = re.compile(r"\.(?:torrent|rar|zip|7z)$", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{24,}|[A-Z2-7]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SCENE_GROUP = re.compile(r"-([A-Za-z0-9]{2,15})$")
_CATALOGUE_NUMBER = re.compile(r"[A-Z]{2,6}[ -]?\d{2,6}[A-Z]{0,3}|[A-Z]{1,5}\d{1,6}(?:CD|LP|D|V)?", re.ASCII)
_HIGH_RATE = re.compile(r"(?<!\d)(16|24|32)-(44|48|88|96|176|192)(?!\d)")
_YEAR_SPAN = re.compile(r"((?:19|20)\d\d)-((?:19|20)\d\d)")
_DOT = re.compile(r"(?<!(?<!\d)44)(?<!(?<!\d)88)(?<!(?<!\d)176)\.")
_NUMBER = re.compile(r"\d+(?:\.\d)?")
_LOSSLESS_FIRST = ("flac", "alac", "wavpack", "ape", "wav", "dsd")


@dataclass(frozen=True, slots=True)
class ParsedRelease:
    """What a title says. Unknown is None.

    `names` are the parts between the dashes that are not tags, so that a reader who knows the wanted artist can
    split them elsewhere; `album_readings` are the forms the album's name may have, the most trimmed first (a
    trailing word such as "vinyl" may be a tag or a part of the name). `flag_words` holds each flag as often as the
    title says it, with the word that said it.
    """

    title: str
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    year_end: int | None = None
    format: str | None = None
    bit_depth: int | None = None
    sample_rate_hz: int | None = None
    source: str | None = None
    edition: tuple[str, ...] = ()
    discs: int | None = None
    group: str | None = None
    leftovers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    album_readings: tuple[str, ...] = ()
    flag_words: tuple[tuple[Flag, str], ...] = ()

    @property
    def flags(self) -> frozenset[Flag]:
        """The flags the title carries."""
        return frozenset(flag for flag, _ in self.flag_words)

    @property
    def is_discography(self) -> bool:
        """Whether the title announces several albums."""
        return Flag.DISCOGRAPHY in self.flags


def parse_release(title: str) -> ParsedRelease:
    """Read a release title. Never raises; takes time linear in the title, of which the first 1,000 characters count."""
    text = clean_title(title)
    if _is_garbage(text):
        return ParsedRelease(title=text)
    group = None
    is_scene = " " not in text
    if is_scene:
        text, group = _read_scene(text)
    running, inside, leading = _take_brackets_apart(text, is_scene=is_scene)
    names, marks, leftovers = _split_names(running)
    if len(names) == 1 and leading and _DASH.search(running) is None:
        names, leading = [leading[-1], *names], leading[:-1]  # "[Artist] Album (Year)"
    album_marks: tuple[Mark, ...] = ()
    readings: tuple[str, ...] = ()
    if names:
        names[-1], readings, album_marks = _trim(names[-1], year_is_known=_has_year(inside, marks))
    written = [mark for found in inside for mark in found.marks] + marks + list(album_marks)
    named = [mark for name in names for mark in scan(name) if mark.kind is Kind.FLAG]
    year, year_end = _years(written)
    depth, rate = _resolution(written)
    release_format = _format(written)
    if release_format is None and group is not None and year is not None and _source(written) is not None:
        release_format = "mp3"  # the scene names every other format
    album = " - ".join(names[1:]) if len(names) > 1 else None
    before = " - ".join(names[1:-1])
    readings = tuple(f"{before} - {reading}" if before else reading for reading in readings) if names else ()
    return ParsedRelease(
        title=text if not is_scene else clean_title(title),
        artist=names[0] if len(names) > 1 or (names and _says(written, Flag.DISCOGRAPHY)) else None,
        album=album,
        year=year,
        year_end=year_end,
        format=release_format,
        bit_depth=depth,
        sample_rate_hz=rate,
        source=_source(written),
        edition=tuple(dict.fromkeys(mark.value for mark in written if mark.kind is Kind.EDITION)),
        discs=_discs(written),
        group=group,
        leftovers=(*leading, *leftovers, *(found.rest for found in inside if found.rest)),
        names=tuple(names),
        album_readings=(*readings, *_with_brackets(readings, inside)),
        flag_words=tuple((Flag(mark.value), mark.text) for mark in [*named, *written] if mark.kind is Kind.FLAG),
    )


def clean_title(title: str) -> str:
    """Give a title on one line, composed, bounded, without invisible characters, with plain dashes and brackets."""
    text = unicodedata.normalize("NFC", title[:MAX_TITLE_LENGTH]).translate(_BRACKET_VARIANTS)
    visible = (" " if unicodedata.category(char) in {"Cc", "Zs", "Zl", "Zp"} else char for char in text)
    text = "".join(char for char in visible if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"})
    text = _EXTENSION.sub("", " ".join(text.split()))
    return re.sub(r"-{2,}", "-", text)


def flag_words_of(name: str) -> tuple[tuple[Flag, str], ...]:
    """Give the flags that a name itself carries, read as parse_release would read them in a title."""
    text = clean_title(name)
    running, inside, leading = _take_brackets_apart(text, is_scene=False)
    marks = [mark for found in inside for mark in found.marks]
    for part in (running.replace(_CUT, " "), *leading):
        marks.extend(scan(part.strip()))
    return tuple((Flag(mark.value), mark.text) for mark in marks if mark.kind is Kind.FLAG)


@dataclass(frozen=True, slots=True)
class _Bracket:
    text: str
    marks: tuple[Mark, ...]
    rest: str


def _is_garbage(text: str) -> bool:
    """Hashes, identifiers, and symbols that nothing splits into an artist and an album."""
    if any(char.isalnum() for char in text):
        return _HASH.fullmatch(text) is not None
    return _DASH.search(text) is None


def _read_scene(text: str) -> tuple[str, str | None]:
    group = None
    match = _SCENE_GROUP.search(text)
    if match and text.count("-") + text.count(".") >= 2 and not _is_all_tags(match[1]):
        group, text = match[1], text[: match.start()]
    text = _HIGH_RATE.sub(r"\1/\2", text)
    if "discogra" in text.casefold():
        text = _YEAR_SPAN.sub(r"\1~\2", text)
    text = text.replace("_", " ") if "_" in text else _DOT.sub(" ", text)
    if " - " not in text:
        text = text.replace("-", " - ")
    return " ".join(text.split()), group


def _take_brackets_apart(text: str, *, is_scene: bool) -> tuple[str, list[_Bracket], list[str]]:
    """Give the running text, the brackets of tags, and the unknown brackets that stand before any name."""
    running: list[str] = []
    inside: list[_Bracket] = []
    leading: list[str] = []
    has_name, has_tags, place = False, False, 0
    while place < len(text):
        char = text[place]
        end = _closing(text, place) if char in _CLOSING else None
        if end is None:
            running.append(char)
            has_name = has_name or char.isalnum()
            place += 1
            continue
        content = text[place + 1 : end].strip()
        marks = scan(content, in_brackets=True)
        rest = without(content, marks)
        is_name = not any(char.isalnum() for char in content)
        if marks and (not rest or any(mark.kind is not Kind.NOISE for mark in marks)):
            inside.append(_Bracket(content, marks, rest))
            has_tags = has_tags or has_name
            running.append(_CUT)
        elif is_name or (has_name and not has_tags and not (is_scene or _CATALOGUE_NUMBER.fullmatch(content))):
            running.append(text[place : end + 1])
        elif has_name:
            inside.append(_Bracket("", (), content))
            running.append(_CUT)
        else:
            leading.append(content)
        place = end + 1
    return "".join(running), inside, leading


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` closes; bounded, so that a wall of brackets stays cheap."""
    opening, closing, depth = text[start], _CLOSING[text[start]], 0
    for place in range(start, min(len(text), start + 200)):
        depth += (text[place] == opening) - (text[place] == closing)
        if depth == 0:
            return place
    return None


def _split_names(running: str) -> tuple[list[str], list[Mark], list[str]]:
    """Split the running text at its dashes into names, marks of the parts that are tags, and what is left over."""
    marks: list[Mark] = []
    leftovers: list[str] = []
    names: list[str] = []
    weak: list[tuple[int, str, tuple[Mark, ...]]] = []
    for raw in _DASH.split(" ".join(running.split())):
        head, *tails = [piece.strip(" ,;|/") for piece in raw.replace(_CUT, f" {_CUT} ").split(_CUT)]
        if not head and tails:
            head = next((tail for tail in tails if tail), "")
            tails = [tail for tail in tails if tail and tail != head]
        for tail in tails:
            found = scan(tail)
            marks.extend(found)
            if rest := without(tail, found):
                leftovers.append(rest)
        if not head:
            continue
        found = scan(head)
        rest = without(head, found)
        if found and not any(char.isalnum() for char in rest):
            if all(mark.is_weak or mark.kind in {Kind.YEAR, Kind.FLAG} for mark in found) and not _is_pack(found):
                weak.append((len(names), head, found))
            else:
                marks.extend(found)
        elif found and found[0].start == 0 and len(names) >= 2 and any(not mark.is_weak for mark in found):
            marks.extend(found)  # "1973, FLAC, something"
            leftovers.append(rest)
        else:
            names.append(head)
    # A part such as "1989" or "Live" is the album's name when nothing else can be.
    inserted = 0
    for order, (place, head, found) in enumerate(weak):
        if len(names) - inserted < 2 and inserted == 0 and order == len(weak) - 1 and not (len(names) < 1 and place):
            names.insert(place, head)
            inserted += 1
        else:
            marks.extend(found)
    return names, marks, leftovers


def _trim(name: str, *, year_is_known: bool) -> tuple[str, tuple[str, ...], tuple[Mark, ...]]:
    """Cut trailing tags off a name: the trimmed name, all its readings (most trimmed first), and the marks cut off."""
    marks = scan(name)
    end, cut, is_strong = len(name), [], False
    forms = [name]
    for mark in reversed(marks):
        if any(char.isalnum() for char in name[mark.end : end]) or not mark.start:
            break
        if mark.kind is Kind.FLAG and mark.value not in {Flag.DISCOGRAPHY, Flag.VIDEO, Flag.EP, Flag.SINGLE}:
            break
        if mark.kind is Kind.YEAR and year_is_known:
            break
        if mark.is_weak and not is_strong:
            break
        is_strong = True
        end = mark.start
        cut.append(mark)
        trimmed = name[:end].strip(" ,;|/+-_.:~&@")
        if not any(char.isalnum() for char in trimmed):
            cut.pop()
            break
        forms.append(trimmed)
    readings = tuple(dict.fromkeys(reversed(forms)))[:8]
    return readings[0], readings, tuple(cut)


def _with_brackets(readings: tuple[str, ...], inside: list[_Bracket]) -> tuple[str, ...]:
    worded = [found.text for found in inside if any(char.isalpha() for char in found.text)][:3]
    return tuple(f"{readings[0]} ({text})" for text in worded) if readings else ()


def _is_all_tags(text: str) -> bool:
    marks = scan(text)
    return bool(marks) and not without(text, marks)


def _is_pack(marks: tuple[Mark, ...]) -> bool:
    return any(mark.value == Flag.DISCOGRAPHY for mark in marks)


def _says(marks: list[Mark], flag: Flag) -> bool:
    return any(mark.kind is Kind.FLAG and mark.value == flag for mark in marks)


def _has_year(inside: list[_Bracket], marks: list[Mark]) -> bool:
    every = [mark for found in inside for mark in found.marks] + marks
    return any(mark.kind in {Kind.YEAR, Kind.YEARS} for mark in every)


def _years(marks: list[Mark]) -> tuple[int | None, int | None]:
    """First and last year; of several single years the earliest, because the later ones are reissues."""
    for mark in marks:
        if mark.kind is Kind.YEARS:
            first, last = sorted((int(mark.text[:4]), int(mark.text[-4:])))
            return first, last
    years = [int(mark.text[:4]) for mark in marks if mark.kind is Kind.YEAR]
    return (min(years), None) if years else (None, None)


def _resolution(marks: list[Mark]) -> tuple[int | None, int | None]:
    depth = rate = None
    for mark in marks:
        numbers = [float(number) for number in _NUMBER.findall(mark.text)]
        if mark.kind is Kind.DEPTH and numbers:
            depth = depth or int(numbers[0])
            rate = rate or (round(numbers[1] * 1000) if len(numbers) > 1 else None)
        elif mark.kind is Kind.RATE and numbers:
            rate = rate or round(numbers[0] * 1000)
        elif mark.value == "flac" and mark.text.startswith("flac24"):
            depth = depth or 24
    exact = {44000: 44100, 88000: 88200, 176000: 176400}
    return depth, exact.get(rate, rate) if rate else None


def _format(marks: list[Mark]) -> str | None:
    found = [mark.value for mark in marks if mark.kind is Kind.FORMAT]
    for lossless in _LOSSLESS_FIRST:
        if lossless in found:
            return lossless
    bitrates = [_NUMBER.findall(mark.text)[0] for mark in marks if mark.kind is Kind.BITRATE]
    exact = next((name for name in found if name.startswith("mp3-")), None)
    other = next((name for name in found if not name.startswith("mp3")), None)
    if other:
        return other
    if exact:
        return exact
    if bitrates:
        return f"mp3-{bitrates[0]}"
    return found[0] if found else None


def _source(marks: list[Mark]) -> str | None:
    found = [mark for mark in marks if mark.kind is Kind.SOURCE]
    return next((mark.value for mark in found if not mark.is_weak), found[0].value if found else None)


def _discs(marks: list[Mark]) -> int | None:
    numbers = [int(_NUMBER.findall(mark.text)[0]) for mark in marks if mark.kind is Kind.DISCS]
    return numbers[0] if numbers else None
