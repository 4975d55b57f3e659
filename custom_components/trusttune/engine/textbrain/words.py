"""The vocabulary of release titles: which words speak of format, source, edition or kind, and not of the music's name.

`scan` finds them in a text; release.py, identity.py and files.py read names through it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Flag(StrEnum):
    """What a title says the release is, beyond an album by its artist."""

    LIVE = "live"
    TRIBUTE = "tribute"
    KARAOKE = "karaoke"
    COVER = "cover"
    REMIX = "remix"
    INSTRUMENTAL = "instrumental"
    A_CAPPELLA = "a cappella"
    DEMO = "demo"
    RERECORDED = "re-recorded"
    OTHER_LANGUAGE = "other language"
    PARTIAL = "part of an album"
    SINGLE = "single"
    EP = "ep"
    DISCOGRAPHY = "discography"
    SOUNDTRACK = "soundtrack"
    ONE_FILE = "one file"
    DISC_IMAGE = "disc image"
    VIDEO = "video"
    AUDIOBOOK = "audiobook"
    TEXT = "text"
    PROGRAM = "program"
    BAIT = "bait"


class Kind(StrEnum):
    """What a word of the vocabulary speaks of."""

    FLAG = "flag"
    FORMAT = "format"
    BITRATE = "bitrate"
    DEPTH = "depth"
    RATE = "rate"
    SOURCE = "source"
    EDITION = "edition"
    DISCS = "discs"
    YEAR = "year"
    YEARS = "years"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Mark:
    """One word of the vocabulary found in a text. A weak one may as well be part of a name."""

    kind: Kind
    value: str
    text: str
    start: int
    end: int
    is_weak: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: Kind
    value: str
    pattern: str
    is_weak: bool = False


_YEAR = r"(?:19[2-9]\d|20[0-4]\d)"
_LANGUAGES = "english|spanish|french|german|italian|japanese|korean|chinese|mandarin|portuguese|russian|polish"

# The first rule that fits at a place wins: longer and narrower ones come before shorter and wider ones.
_RULES = (
    _Rule(Kind.YEARS, "", rf"{_YEAR} ?[-~/] ?{_YEAR}"),
    _Rule(Kind.YEAR, "", rf"{_YEAR}[-.](?:0\d|1[0-2])[-.][0-3]\d"),
    # bit depth and sample rate
    _Rule(
        Kind.DEPTH,
        "",
        r"(?:16|24|32) ?-?(?:bits?|b)(?:[ /-]*(?:44(?:\.1)?|48|88(?:\.2)?|96|176(?:\.4)?|192) ?(?:khz|k)?)?",
    ),
    _Rule(Kind.DEPTH, "", r"(?:16|24|32) ?[/-] ?(?:44(?:\.1)?|48|88(?:\.2)?|96|176(?:\.4)?|192)(?: ?khz)?"),
    _Rule(Kind.RATE, "", r"(?:44(?:\.1)?|48|88(?:\.2)?|96|176(?:\.4)?|192) ?khz"),
    # what is not an album's audio
    _Rule(
        Kind.FLAG,
        Flag.VIDEO,
        r"(?:dvd|bd|br|hd|web|tv|vhs)[ -]?rip|web-dl|hdtv|(?:480|576|720|1080|2160)[pi]|[xh][ .]?26[45]|"
        r"hevc|avc|xvid|divx",
    ),
    _Rule(
        Kind.FLAG,
        Flag.VIDEO,
        r"mkv|avi|mp4|m4v|vob|wmv|ntsc|dvd[59]|music videos?|video ?clips?|dvd-?video|bdmv|blu-?ray(?! audio)|bdremux",
    ),
    _Rule(
        Kind.FLAG,
        Flag.AUDIOBOOK,
        r"audio[ -]?books?|m4b|unabridged|abridged|narrated by|read by|аудиокнига|hörbuch|hoerbuch",
    ),
    _Rule(Kind.FLAG, Flag.TEXT, r"epub|mobi|azw3|pdf|cbr comics?|sheet music|song ?book|guitar tabs?|e-?book"),
    _Rule(
        Kind.FLAG,
        Flag.PROGRAM,
        r"vsti?3?|kontakt|sample pack|samplepack|midi pack|multitracks?|stems|android|apk|windows|macos",
    ),
    _Rule(
        Kind.FLAG,
        Flag.BAIT,
        r"[a-z0-9]*\.exe|exe|(?:with |no )?password(?:ed|s)?|survey|keygen|crack(?:ed)?(?= |$)|"
        r"free (?:full )?download|full album download|unlock(?:er)?",
    ),
    _Rule(Kind.FLAG, Flag.DISC_IMAGE, r"sacd[ -]?(?:iso|r)|iso|nrg|mdf|dvd-?audio iso"),
    _Rule(Kind.FLAG, Flag.ONE_FILE, r"image ?\+ ?\.?cue|\(?image\)? ?\+ ?cue|single file \+ ?cue"),
    # other recordings than the wanted one
    _Rule(Kind.FLAG, Flag.KARAOKE, r"karaoke(?: version)?|sing[ -]?along|backing tracks?|in the style of|караоке"),
    _Rule(
        Kind.FLAG,
        Flag.TRIBUTE,
        r"(?:a )?tribute(?:s)?(?: to)?|as made famous by|made famous by|"
        r"lullaby (?:renditions?|versions?)(?: of)?|salute to|homage to|трибьют",
    ),
    _Rule(
        Kind.FLAG,
        Flag.COVER,
        r"cover(?:s|ed)? (?:album|versions?|of|by|songs?|band)|"
        r"(?:piano|acoustic|metal|string|8[ -]?bit|orchestral|jazz|ukulele|guitar|lo-?fi) "
        r"(?:covers?|renditions?|versions? of)|"
        r"renditions? of|(?:plays|performs|performed by|play the music of)|covering|"
        r"the songs of",
    ),
    _Rule(
        Kind.FLAG,
        Flag.RERECORDED,
        r"^acoustic$|acoustic (?:versions?|sessions?|album)|re-?recorded|re-?recordings?|new recordings?",
    ),
    _Rule(
        Kind.FLAG,
        Flag.REMIX,
        r"remix(?:es|ed)?|rmx(?:es)?|the mixes|reworks?|reworked|reimagined|mash-?ups?|nightcore|"
        r"slowed(?: (?:and|&|\+|n) reverb)?|sped up|8d audio|chopped (?:and|&|n) screwed|ремикс(?:ы)?",
    ),
    _Rule(Kind.FLAG, Flag.INSTRUMENTAL, r"instrumentals?(?: versions?)?"),
    _Rule(Kind.FLAG, Flag.A_CAPPELLA, r"a ?-?capp?ellas?|acap+ellas?"),
    _Rule(
        Kind.FLAG,
        Flag.DEMO,
        r"demos?(?: tapes?| versions?| sessions?| recordings?)?|rough mix(?:es)?|outtakes|rehearsals?|unreleased",
    ),
    _Rule(
        Kind.FLAG,
        Flag.LIVE,
        r"live(?= (?:at|in|from|on|@|with) )|"
        r"live (?:album|sessions?|recordings?|versions?|tour|bootleg|acoustic|concert)|"
        r"live(?= (?:19|20)\d\d)|live(?=\s*(?:$|[,;/|+&]))|recorded live|unplugged|in concert|"
        r"concert (?:at|in)|bootleg(?:s)?|soundboard|sbd|audience recording|ao vivo|en vivo|en directo|"
        r"en public|концерт",
    ),
    _Rule(Kind.FLAG, Flag.OTHER_LANGUAGE, rf"(?:{_LANGUAGES}) (?:language )?versions?"),
    _Rule(
        Kind.FLAG,
        Flag.PARTIAL,
        r"(?:cd|disc|disk) ?[1-9](?! ?of)(?: only)?|bonus (?:disc|cd|disk)(?: only)?|bonus tracks only|"
        r"(?:album )?sampler|incomplete|b-?sides(?: and rarities| & rarities)?|excerpts?|snippets?",
    ),
    _Rule(
        Kind.FLAG,
        Flag.DISCOGRAPHY,
        r"(?:complete |full |studio |official |the )*(?:discograph(?:y|ie|ia)|discografía|дискография)|"
        r"(?:the )?complete (?:studio )?(?:albums|recordings|works|collection)|all (?:studio )?albums|"
        r"studio albums|album collection|\d{1,2} albums|дискография",
    ),
    _Rule(
        Kind.FLAG,
        Flag.SOUNDTRACK,
        r"(?:original )?(?:motion picture |game |series |television |tv )?soundtrack|ost|original score",
    ),
    _Rule(
        Kind.FLAG, Flag.SINGLE, r"cd ?singles?|maxi[ -]?single|cd[sm]|web single|digital single|single", is_weak=True
    ),
    _Rule(Kind.FLAG, Flag.EP, r"ep|cdep", is_weak=True),
    # formats
    _Rule(
        Kind.FORMAT,
        "mp3-320",
        r"(?:mp3 ?[-@/,]? ?)?(?:cbr ?)?320 ?-?(?:kbps|kbit(?:/?s)?|kb/?s|k|cbr)?(?: ?cbr)?(?: ?mp3)?",
    ),
    _Rule(Kind.FORMAT, "mp3-v0", r"(?:mp3 ?[-@/,]? ?)?(?:vbr ?[-/]? ?)?v0(?: ?\(?vbr\)?)?(?: ?mp3)?|apx"),
    _Rule(Kind.FORMAT, "mp3-v2", r"(?:mp3 ?[-@/,]? ?)?(?:vbr ?[-/]? ?)?v2 ?(?:vbr|mp3)|mp3 ?[-@/,]? ?v2|aps"),
    _Rule(Kind.BITRATE, "", r"(?:64|96|128|160|192|224|256) ?-?(?:kbps|kbit(?:/?s)?|kb/?s|k)(?: ?cbr)?"),
    _Rule(Kind.FORMAT, "mp3-256", r"mp3 ?[-@/,]? ?256|256 ?mp3"),
    _Rule(Kind.FORMAT, "mp3-192", r"mp3 ?[-@/,]? ?192|192 ?mp3"),
    _Rule(Kind.FORMAT, "mp3-128", r"mp3 ?[-@/,]? ?128|128 ?mp3"),
    _Rule(Kind.FORMAT, "flac", r"flac(?:24|16)?(?:s)?"),
    _Rule(Kind.FORMAT, "alac", r"alac|apple lossless"),
    _Rule(Kind.FORMAT, "ape", r"ape|monkey'?s audio", is_weak=True),
    _Rule(Kind.FORMAT, "wavpack", r"wavpack|wv", is_weak=True),
    _Rule(Kind.FORMAT, "dsd", r"dsd(?:64|128|256)?|dsf|dff"),
    _Rule(Kind.FORMAT, "wav", r"wav|aiff?|tta", is_weak=True),
    _Rule(Kind.FORMAT, "aac", r"aac|m4a|he-aac"),
    _Rule(Kind.FORMAT, "ogg", r"ogg(?: ?vorbis)?(?: ?q\d+)?|vorbis"),
    _Rule(Kind.FORMAT, "opus", r"opus(?= ?\d{2,3} ?k)|opus(?=\s*$)", is_weak=True),
    _Rule(Kind.FORMAT, "wma", r"wma"),
    _Rule(Kind.FORMAT, "mp3", r"mp3s?"),
    # sources
    _Rule(Kind.SOURCE, "sacd", r"sacd(?: ?rip)?"),
    _Rule(Kind.SOURCE, "dvd-audio", r"dvd-?a(?:udio)?"),
    _Rule(Kind.SOURCE, "blu-ray audio", r"blu-?ray audio"),
    _Rule(
        Kind.SOURCE,
        "vinyl",
        r"vinyl[ -]?rip|lp[ -]?rip|\d ?x ?(?:vinyl|lp)|needle ?drop|\d ?lp|(?:7|10|12)(?:''|\"|-inch| inch)",
    ),
    _Rule(Kind.SOURCE, "vinyl", r"vinyl|lp", is_weak=True),
    _Rule(Kind.SOURCE, "cd", r"cd[ -]?rip|cdda|cd(?=[ /-]*(?:flac|mp3|log|eac))|eac|xld"),
    _Rule(Kind.DISCS, "", r"\d{1,2} ?x? ?-?(?:cds?|discs?|disks?)"),
    _Rule(Kind.SOURCE, "cd", r"cds?", is_weak=True),
    _Rule(
        Kind.SOURCE,
        "web",
        r"web(?=[ /-]*(?:flac|mp3|alac|aac))|web[ -]?release|qobuz|tidal|deezer|bandcamp|itunes|"
        r"amazon music|spotify|digital media",
    ),
    _Rule(Kind.SOURCE, "web", r"web", is_weak=True),
    _Rule(Kind.SOURCE, "cassette", r"cassette|tape[ -]?rip"),
    _Rule(Kind.SOURCE, "cassette", r"tape", is_weak=True),
    _Rule(Kind.FLAG, Flag.VIDEO, r"dvd", is_weak=True),
    # editions
    _Rule(Kind.EDITION, "deluxe", r"(?:super |digital |limited )?deluxe(?: (?:edition|version|box ?set|box))?"),
    _Rule(
        Kind.EDITION,
        "anniversary",
        r"\d{1,3}(?:st|nd|rd|th)? ?-?(?:year )?anniversary"
        r"(?: (?:super )?(?:deluxe )?(?:edition|version|reissue|remaster(?:ed)?))*",
    ),
    _Rule(Kind.EDITION, "anniversary", r"anniversary edition"),
    _Rule(Kind.EDITION, "expanded", r"expanded(?: and remastered| & remastered)?(?: (?:edition|version))?"),
    _Rule(Kind.EDITION, "bonus", r"(?:with |\+ ?|incl\.? )?bonus(?: tracks?)?(?: (?:edition|version))?|tour edition"),
    _Rule(Kind.EDITION, "box set", r"box ?set"),
    _Rule(
        Kind.EDITION,
        "remaster",
        r"(?:digitally |newly )?remaster(?:ed|s)?(?: (?:edition|version|in \d{4}))?|mfsl|mofi|ремастер",
    ),
    _Rule(Kind.EDITION, "reissue", r"re-?issue(?:d)?|re-?press(?:ing)?|переиздание"),
    _Rule(
        Kind.EDITION,
        "special",
        r"(?:special|limited|collector'?s|legacy|japan(?:ese)?|uk|us|european?|complete|definitive|"
        r"gold|platinum|artist|standard|original|clean|explicit|promo|first press|1st press)"
        r" (?:edition|version|issue|press(?:ing)?)",
    ),
    _Rule(
        Kind.EDITION,
        "special",
        r"limited|explicit|clean|mono|stereo|promo|japan|hdcd|shm-?cd|blu-?spec cd2?",
        is_weak=True,
    ),
    # packaging words that say nothing
    _Rule(
        Kind.NOISE,
        "",
        r"log(?:s)?(?: ?\(?100 ?%?\)?)?|cue|scans?|artwork|booklet|covers?(?: ?art)?|tracks?(?= ?\+)|"
        r"tracks \+ ?\.?cue|lossless|lossy|hi-?res|kbps|cbr|vbr|100 ?%|m3u|nfo|read ?nfo|retail|proper|"
        r"repack|rip(?:ped)?|digipak|torrent|rar|zip|full album|complete album|album|advance|"
        r"int(?:ernal)?|joint stereo",
        is_weak=True,
    ),
    _Rule(Kind.YEAR, "", _YEAR),
)
_VOCABULARY = re.compile(
    r"(?<![^\W_])(?:" + "|".join(f"({rule.pattern})" for rule in _RULES) + r")(?![^\W_])", re.IGNORECASE
)
_LIVE_ANYWHERE = re.compile(r"(?<![^\W_])live(?![^\W_])", re.IGNORECASE)


def scan(text: str, *, in_brackets: bool = False) -> tuple[Mark, ...]:
    """All words of the vocabulary in a text, from left to right and never overlapping.

    In brackets the bare word "live" is one too; in a running name it is only where a recording is meant
    ("Live at ...", "... Live"), because many names hold the word.
    """
    marks = []
    for match in _VOCABULARY.finditer(text):
        rule = _RULES[(match.lastindex or 1) - 1]
        start, end = match.span()
        marks.append(Mark(rule.kind, rule.value, match[0].casefold().strip(), start, end, rule.is_weak))
    if in_brackets and not any(mark.value is Flag.LIVE for mark in marks):
        marks.extend(
            Mark(Kind.FLAG, Flag.LIVE, "live", *match.span(), is_weak=False)
            for match in _LIVE_ANYWHERE.finditer(text)
            if not any(mark.start < match.end() and match.start() < mark.end for mark in marks)
        )
    return tuple(marks)


def without(text: str, marks: tuple[Mark, ...]) -> str:
    """Give what is left of a text once the marks are cut out and separators are trimmed."""
    left, place = [], 0
    for mark in sorted(marks, key=lambda mark: mark.start):
        left.append(text[place : mark.start])
        place = mark.end
    left.append(text[place:])
    return " ".join(" ".join(left).split()).strip(" ,;|/+-_.:~&@()[]{}")
