"""The music of the small world: invented artists and albums, and what an indexer lists around them.

Everything in the world is derived from CATALOGUE: the audio, the torrents and what every server answers.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "world.trusttune.invalid")


def mbid(kind: str, *names: object) -> str:
    """Give the identifier MusicBrainz would have for this: always the same for the same names."""
    return str(uuid.uuid5(_NAMESPACE, "/".join([kind, *map(str, names)])))


@dataclass(frozen=True, slots=True)
class Artist:
    """One invented artist; the id is Lidarr's."""

    id: int
    name: str
    sort_name: str
    aliases: tuple[str, ...] = ()
    monitored: bool = True

    @property
    def artist_id(self) -> str:
        """MusicBrainz's id."""
        return mbid("artist", self.name)


@dataclass(frozen=True, slots=True)
class Track:
    """One track; `number` counts within its disc."""

    id: int
    disc: int
    number: int
    title: str
    duration_s: int
    recording_id: str


@dataclass(frozen=True, slots=True)
class Album:
    """One release group with one release. Without a release date it is never called missing."""

    id: int
    key: str
    artist: Artist
    title: str
    release_date: datetime | None
    tracks: tuple[Track, ...]
    album_type: str = "Album"
    secondary_types: tuple[str, ...] = ()
    monitored: bool = True
    has_audio: bool = True
    in_library: bool = False
    """Whether its files lie in the music folder from the start (and only Jellyfin has looked)."""

    @property
    def year(self) -> int | None:
        """The year it came out."""
        return self.release_date.year if self.release_date else None

    @property
    def release_group_id(self) -> str:
        """MusicBrainz's id of the release group: Lidarr's foreignAlbumId."""
        return mbid("release-group", self.artist.name, self.title)

    @property
    def release_id(self) -> str:
        """MusicBrainz's id of its release."""
        return mbid("release", self.artist.name, self.title)

    @property
    def discs(self) -> int:
        """How many discs it has."""
        return max(track.disc for track in self.tracks)

    @property
    def duration_s(self) -> int:
        """All tracks together."""
        return sum(track.duration_s for track in self.tracks)

    @property
    def folder(self) -> str:
        """Where its files belong under the music folder."""
        return f"{self.artist.name}/{self.title} ({self.year})"


class ReleaseKind(StrEnum):
    """What a listed release really is, whatever its title says."""

    FLAC = "flac"
    MP3 = "mp3"
    DELUXE = "deluxe"
    TRIBUTE = "tribute"
    KARAOKE = "karaoke"
    LIVE = "live"
    VIDEO = "video"
    JUNK_TITLE = "junk_title"
    EXECUTABLE = "executable"
    DEAD = "dead"
    HOSTILE_NAMES = "hostile_names"
    OVERSIZED = "oversized"
    NOT_BENCODED = "not_bencoded"
    FILE_REDIRECT = "file_redirect"

    @property
    def is_right(self) -> bool:
        """Whether a household that wants the album should be content with it."""
        return self in {ReleaseKind.FLAC, ReleaseKind.MP3}


class LinkKind(StrEnum):
    """What a download link answers."""

    TORRENT = "torrent"
    MAGNET_302 = "magnet_302"
    MAGNET_301 = "magnet_301"
    HTTP_REDIRECT = "http_redirect"
    FILE_REDIRECT = "file_redirect"
    OVERSIZED = "oversized"
    NOT_BENCODED = "not_bencoded"


@dataclass(frozen=True, slots=True)
class Release:
    """One row of an indexer and the torrent behind it.

    `seeders` None means that the row does not say. A release that is not seeded has a real .torrent
    file whose pieces nobody has.
    """

    key: str
    album: Album
    kind: ReleaseKind
    title: str
    folder: str
    seeders: int | None
    category: int = 3000
    link: LinkKind = LinkKind.TORRENT
    shows_info_hash: bool = False
    is_seeded: bool = False
    stated_size_bytes: int | None = None
    age_days: int = 100
    archive_id: str | None = None
    """Identifier in the Internet Archive, where it is there."""
    licence: str | None = None


def _album(
    number: int,
    key: str,
    artist: Artist,
    title: str,
    released: str | None,
    *discs: tuple[tuple[str, int], ...],
    secondary_types: tuple[str, ...] = (),
    monitored: bool = True,
    has_audio: bool = True,
    in_library: bool = False,
) -> Album:
    tracks = [
        Track(
            id=number * 100 + disc * 20 + position,
            disc=disc,
            number=position,
            title=name,
            duration_s=seconds,
            recording_id=mbid("recording", artist.name, title, disc, position),
        )
        for disc, names in enumerate(discs, 1)
        for position, (name, seconds) in enumerate(names, 1)
    ]
    return Album(
        id=number,
        key=key,
        artist=artist,
        title=title,
        release_date=datetime.fromisoformat(f"{released}T00:00:00Z") if released else None,
        tracks=tuple(tracks),
        secondary_types=secondary_types,
        monitored=monitored,
        has_audio=has_audio,
        in_library=in_library,
    )


PARALLAX = Artist(1, "Velvet Parallax", "Velvet Parallax")
ZARYA = Artist(2, "Мирна Заря", "Zarya, Mirna", aliases=("Mirna Zarya", "Myrna Zaria"))
ALMANAC = Artist(3, "Copper Almanac", "Copper Almanac")
MERIDIANS = Artist(4, "The Tin Meridians", "Tin Meridians, The")
DORMANT = Artist(5, "Quiet Foundry", "Quiet Foundry", monitored=False)

_next_year = f"{datetime.now(UTC).year + 1}-06-01"

ALBUMS: tuple[Album, ...] = (
    _album(
        11,
        "glass-meridian",
        PARALLAX,
        "Glass Meridian",
        "2019-03-08",
        (("Opening the Shutters", 14), ("Glass Meridian", 16), ("A Slow Tide", 12), ("Paper Compass", 10)),
    ),
    _album(
        12,
        "night-ledger-ii",
        PARALLAX,
        "Night Ledger II",
        "2021-10-15",
        (("Second Entry", 12), ("Owls & Engines", 13), ("What the Clock Owes", 11), ("Balance", 9)),
    ),
    _album(
        13,
        "night-ledger-iii",
        PARALLAX,
        "Night Ledger III",
        "2023-11-03",
        (("Third Entry", 13), ("Salt Arithmetic", 12), ("The Auditor Sleeps", 10)),
    ),
    _album(
        21,
        "polar-lanterns",
        ZARYA,
        "Polar Lanterns",
        "2018-01-19",
        (("Snow Telegraph", 10), ("Polar Lanterns", 12), ("Thaw", 8)),
        (("Harbour Ice", 11), ("Last Sledge Home", 9)),
    ),
    _album(
        31,
        "harbour-songs",
        ALMANAC,
        "Harbour Songs",
        "2015-05-22",
        (("Ropes", 11), ("The Ferryman's Sum", 14), ("Low Water", 9), ("Café at Pier 9", 10), ("Ropes (Reprise)", 8)),
    ),
    _album(
        32,
        "copper-almanac",
        ALMANAC,
        "Copper Almanac",
        "2012-09-03",
        (("January Metal", 10), ("Verdigris", 12), ("Foundling Summer", 11)),
        in_library=True,
    ),
    _album(
        41,
        "tin-glass-meridian",
        MERIDIANS,
        "Glass Meridian",
        "2008-06-30",
        (("Noon Bell", 11), ("Degrees of Tin", 12), ("Longitude Waltz", 10)),
    ),
    # The rest exists for the rules of what counts as missing: none of these does.
    _album(14, "unfinished-rooms", PARALLAX, "Unfinished Rooms", _next_year, (("Scaffold", 20),), has_audio=False),
    _album(15, "undated-sketches", PARALLAX, "Undated Sketches", None, (("Sketch", 20),), has_audio=False),
    _album(
        33, "kitchen-tapes", ALMANAC, "Kitchen Tapes", "2011-02-02", (("Kettle", 20),), monitored=False, has_audio=False
    ),
    _album(51, "idle-hammers", DORMANT, "Idle Hammers", "2009-04-01", (("Idle Hammers", 20),), has_audio=False),
)


_ARCHIVE_LICENCES = {
    "night-ledger-ii": "https://creativecommons.org/licenses/by-sa/4.0/",
    "harbour-songs": "http://creativecommons.org/publicdomain/zero/1.0/",
}
"""Glass Meridian is in the Internet Archive too, but nobody says that it may be copied."""


def _listed_name(album: Album) -> str:
    """Write artist and title as indexers do: in Latin letters, where the artist has another name in them."""
    return f"{album.artist.aliases[0] if album.artist.aliases else album.artist.name} - {album.title}"


def _unseeded(album: Album, kind: ReleaseKind, title: str, rate_bps: int, **changes: object) -> Release:
    """Make a row nobody seeds; it claims as many bytes as the album would have at this rate."""
    defaults: dict[str, object] = {
        "key": f"{album.key}-{kind.value.replace('_', '-')}",
        "album": album,
        "kind": kind,
        "title": title,
        "folder": title.replace("/", "-"),
        "seeders": 14,
        "stated_size_bytes": album.duration_s * rate_bps,
    }
    return Release(**(defaults | changes))  # type: ignore[arg-type]


def _releases_around(album: Album, position: int) -> Iterator[Release]:
    """List what an indexer has around one album: always something right, and much that is not."""
    name, year = _listed_name(album), album.year
    yield Release(
        key=f"{album.key}-flac",
        album=album,
        kind=ReleaseKind.FLAC,
        title=f"{name} ({year}) [FLAC]",
        folder=f"{name} ({year}) [FLAC]",
        seeders=24 - position,
        category=3040,
        shows_info_hash=position % 2 == 0,
        is_seeded=True,
        age_days=200,
        archive_id=f"{album.key}-{year}" if position in {0, 1, 4} else None,
        licence=_ARCHIVE_LICENCES.get(album.key),
    )
    yield Release(
        key=f"{album.key}-mp3",
        album=album,
        kind=ReleaseKind.MP3,
        title=f"{name} - {year} - MP3 320kbps",
        folder=f"{name} ({year}) MP3 320",
        seeders=None if position == 1 else 9,
        category=3010,
        link=(LinkKind.MAGNET_302, LinkKind.MAGNET_301, LinkKind.HTTP_REDIRECT)[position % 3],
        shows_info_hash=position % 3 == 0,
        is_seeded=True,
        age_days=300,
    )
    yield Release(
        key=f"{album.key}-deluxe",
        album=album,
        kind=ReleaseKind.DELUXE,
        title=f"{name} (Deluxe Edition) (Remastered {(year or 2000) + 1}) [FLAC]",
        folder=f"{name} (Deluxe Edition) [FLAC]",
        seeders=41,
        category=3040,
        is_seeded=position < 2,
        stated_size_bytes=None if position < 2 else album.duration_s * 75_000,
        age_days=80,
    )
    yield Release(
        key=f"{album.key}-tribute",
        album=album,
        kind=ReleaseKind.TRIBUTE,
        title=f"VA - A Tribute to {name.replace(' - ', chr(39) + 's ')} ({year}) [MP3 320]",
        folder=f"A Tribute to {album.title}",
        seeders=33,
        category=3010,
        is_seeded=position < 2,
        stated_size_bytes=None if position < 2 else album.duration_s * 40_000,
        age_days=60,
    )
    yield _unseeded(album, ReleaseKind.KARAOKE, f"{name} (Karaoke Version) [MP3]", 40_000, category=3010)
    yield _unseeded(
        album, ReleaseKind.LIVE, f"{name} (Live at the Gasworks {(year or 2000) + 2}) FLAC", 65_000, category=3040
    )
    yield _unseeded(album, ReleaseKind.VIDEO, f"{name} - Full Concert 1080p x264 WEB-DL", 80_000_000, category=3020)
    yield _unseeded(album, ReleaseKind.JUNK_TITLE, mbid("junk", album.key).replace("-", ""), 45_000, seeders=2)
    yield _unseeded(
        album, ReleaseKind.EXECUTABLE, f"{name} {year} FLAC Downloader.exe", 60_000, seeders=512, category=4000
    )
    yield _unseeded(album, ReleaseKind.DEAD, f"{name} {year} FLAC 24bit vinyl rip", 150_000, seeders=0, category=3040)


def _traps(album: Album) -> Iterator[Release]:
    """List what only a hostile or broken indexer has."""
    name, year = _listed_name(album), album.year
    yield _unseeded(album, ReleaseKind.HOSTILE_NAMES, f"{name} ({year}) [FLAC] [Scene]", 58_000, category=3040)
    yield _unseeded(album, ReleaseKind.OVERSIZED, f"{name} ({year}) [FLAC] (huge)", 58_000, link=LinkKind.OVERSIZED)
    yield _unseeded(
        album, ReleaseKind.NOT_BENCODED, f"{name} ({year}) [FLAC] (html)", 58_000, link=LinkKind.NOT_BENCODED
    )
    yield _unseeded(
        album, ReleaseKind.FILE_REDIRECT, f"{name} ({year}) [FLAC] (local)", 58_000, link=LinkKind.FILE_REDIRECT
    )


def _releases() -> Iterator[Release]:
    for position, album in enumerate(album for album in ALBUMS if album.has_audio):
        yield from _releases_around(album, position)
        if album.key == "harbour-songs":
            yield from _traps(album)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that exists in the world."""

    artists: tuple[Artist, ...]
    albums: tuple[Album, ...]
    releases: tuple[Release, ...] = field(repr=False)

    def album(self, key: str) -> Album:
        """Give the album with this key; KeyError when there is none."""
        return {album.key: album for album in self.albums}[key]

    def release(self, key: str) -> Release:
        """Give the release with this key (album key and kind); KeyError when there is none."""
        return {release.key: release for release in self.releases}[key]

    def wanted(self) -> tuple[Album, ...]:
        """Give the albums that Lidarr calls missing while it has looked at no file."""
        now = datetime.now(UTC) + timedelta(minutes=1)
        return tuple(
            album
            for album in self.albums
            if album.monitored and album.artist.monitored and album.release_date and album.release_date <= now
        )


CATALOGUE = Catalogue((PARALLAX, ZARYA, ALMANAC, MERIDIANS, DORMANT), ALBUMS, tuple(_releases()))
