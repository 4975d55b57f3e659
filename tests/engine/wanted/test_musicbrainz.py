"""MusicBrainz over real HTTP: which album it finds, which it does not guess, and what becomes of its failures."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.config import MusicBrainzConfig
from custom_components.trusttune.engine.errors import (
    EngineError,
    NotReachableError,
    RateLimitedError,
    UnexpectedReplyError,
)
from custom_components.trusttune.engine.wanted import musicbrainz as musicbrainz_module
from custom_components.trusttune.engine.wanted import musicbrainz_records as records
from custom_components.trusttune.engine.wanted.album import WantedTrack
from custom_components.trusttune.engine.wanted.musicbrainz import MusicBrainz
from tests.world.catalogue import Album, mbid
from tests.world.fixtures import AUDIO_CACHE
from tests.world.world import World


class Turnstile:
    """Lets as many requests through as the test allows."""

    def __init__(self, passages: int = 1000) -> None:
        self.passages = asyncio.Semaphore(passages)
        self.arrived = 0
        self._came = asyncio.Condition()

    async def arrivals(self, number: int) -> None:
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: self.arrived >= number)

    async def __aenter__(self) -> None:
        self.arrived += 1
        async with self._came:
            self._came.notify_all()
        await self.passages.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def brainz_world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path / "world", seed=False, only={"musicbrainz"}, audio_cache=AUDIO_CACHE) as world:
        yield world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def musicbrainz(brainz_world: World, session: aiohttp.ClientSession, clock: Clock) -> MusicBrainz:
    return MusicBrainz(MusicBrainzConfig(brainz_world.musicbrainz.url), session, limiter=Turnstile(), clock=clock)


def tracks(album: Album) -> tuple[WantedTrack, ...]:
    return tuple(WantedTrack(each.disc, each.number, each.title, float(each.duration_s)) for each in album.tracks)


async def test_an_album_comes_with_its_tracks_year_and_type(musicbrainz: MusicBrainz, brainz_world: World) -> None:
    album = brainz_world.catalogue.album("glass-meridian")
    found = await musicbrainz.find_album("velvet  PARALLAX", "glass meridian", None)
    assert found is not None
    assert (found.artist, found.title, found.year, found.album_type) == (
        "Velvet Parallax",
        "Glass Meridian",
        2019,
        "album",
    )
    assert found.release_group_id == album.release_group_id
    assert found.artist_aliases == ()
    assert found.tracks == tracks(album)


@pytest.mark.parametrize("asked", ["Мирна Заря", "Mirna Zarya", "myrna zaria"])
async def test_an_artist_is_found_by_the_own_name_and_by_an_alias(
    musicbrainz: MusicBrainz, brainz_world: World, asked: str
) -> None:
    found = await musicbrainz.find_album(asked, "Polar Lanterns", 2018)
    assert found is not None
    assert found.artist == "Мирна Заря"
    assert set(found.artist_aliases) == {"Mirna Zarya", "Myrna Zaria"}
    assert asked == "Мирна Заря" or found.artist_aliases[0].casefold() == asked.casefold()
    assert found.tracks == tracks(brainz_world.catalogue.album("polar-lanterns"))
    assert {track.disc for track in found.tracks} == {1, 2}


@pytest.mark.parametrize(
    ("artist", "key"), [("Velvet Parallax", "glass-meridian"), ("The Tin Meridians", "tin-glass-meridian")]
)
async def test_the_same_title_by_another_artist_is_another_album(
    musicbrainz: MusicBrainz, brainz_world: World, artist: str, key: str
) -> None:
    found = await musicbrainz.find_album(artist, "Glass Meridian", None)
    assert found is not None
    assert found.release_group_id == brainz_world.catalogue.album(key).release_group_id


@pytest.mark.parametrize(
    ("artist", "title"),
    [
        ("Velvet Parallax", "Harbour Songs"),
        ("Nobody At All", "Glass Meridian"),
        ("Velvet", "Glass Meridian"),
        ("Velvet Parallax", "Night Ledger"),
        ('A" OR artist:"Velvet Parallax', "Glass Meridian"),
        ("Velvet Parallax", 'x\\" OR releasegroup:"Glass Meridian'),
    ],
)
async def test_what_is_not_just_this_is_unknown(musicbrainz: MusicBrainz, artist: str, title: str) -> None:
    assert await musicbrainz.find_album(artist, title, None) is None


def test_quotes_and_backslashes_do_not_end_a_phrase() -> None:
    assert musicbrainz_module._phrase('The  "B\\" Side') == '"The \\"B\\\\\\" Side"'


async def test_a_second_ask_makes_no_request_until_it_is_stale(
    musicbrainz: MusicBrainz, brainz_world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(musicbrainz_module, "_REMEMBERED_ALBUMS", 2)
    first = await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None)
    assert await musicbrainz.find_album("Nobody", "Nothing", None) is None
    asked = len(brainz_world.requests.to("musicbrainz"))
    assert await musicbrainz.find_album("velvet parallax", "GLASS meridian", None) == first
    assert await musicbrainz.find_album("nobody", "nothing", None) is None
    assert len(brainz_world.requests.to("musicbrainz")) == asked
    clock.now += 6 * 3600
    assert await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None) == first
    assert len(brainz_world.requests.to("musicbrainz")) > asked
    for title in ("One", "Two", "Three"):
        await musicbrainz.find_album("Nobody", title, None)
    assert len(musicbrainz._remembered) == 2


async def test_no_request_passes_the_limiter_by(brainz_world: World, session: aiohttp.ClientSession) -> None:
    turnstile = Turnstile(0)
    musicbrainz = MusicBrainz(MusicBrainzConfig(brainz_world.musicbrainz.url), session, limiter=turnstile)
    finding = asyncio.create_task(musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None))
    for passed in range(4):
        await turnstile.arrivals(passed + 1)
        assert len(brainz_world.requests.to("musicbrainz")) == passed
        turnstile.passages.release()
    assert await finding is not None
    assert len(brainz_world.requests.to("musicbrainz")) == 4


async def test_two_requests_are_a_second_apart(brainz_world: World, session: aiohttp.ClientSession) -> None:
    musicbrainz = MusicBrainz(MusicBrainzConfig(brainz_world.musicbrainz.url), session)
    artist_id = brainz_world.catalogue.album("polar-lanterns").artist.artist_id
    began = asyncio.get_running_loop().time()
    told = await asyncio.gather(musicbrainz.aliases(artist_id), musicbrainz.aliases(artist_id))
    assert told == [("Mirna Zarya", "Myrna Zaria")] * 2
    assert asyncio.get_running_loop().time() - began >= 0.99


@pytest.mark.parametrize("fault", ["starting_503", "rate_limited_429"])
async def test_it_is_left_alone_for_as_long_as_it_asks(
    musicbrainz: MusicBrainz, brainz_world: World, clock: Clock, fault: str
) -> None:
    brainz_world.faults.set("musicbrainz", fault, retry_after_s=90, times=1)
    for now, left_s in ((1000.0, 90), (1050.0, 40), (1089.0, 1)):
        clock.now = now
        with pytest.raises(RateLimitedError) as caught:
            await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None)
        assert caught.value.retry_after_s == left_s
    assert len(brainz_world.requests.to("musicbrainz")) == 1
    clock.now = 1091.0
    assert await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None) is not None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error_500", NotReachableError),
        ("garbage", UnexpectedReplyError),
        ("login_page", UnexpectedReplyError),
        ("reset", NotReachableError),
        ("slow", NotReachableError),
    ],
)
async def test_each_fault_is_told_for_what_it_is_and_passes(
    musicbrainz: MusicBrainz,
    brainz_world: World,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    error: type[EngineError],
) -> None:
    monkeypatch.setattr(musicbrainz_module, "_TIMEOUT", aiohttp.ClientTimeout(total=0.3))
    brainz_world.faults.set("musicbrainz", fault)
    with pytest.raises(error, match="MusicBrainz"):
        await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None)
    brainz_world.faults.clear()
    clock.now += 61
    monkeypatch.setattr(musicbrainz_module, "_TIMEOUT", aiohttp.ClientTimeout(total=20))
    assert await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None) is not None


async def test_one_that_is_away_is_not_asked_by_every_ticket(
    musicbrainz: MusicBrainz, brainz_world: World, clock: Clock
) -> None:
    brainz_world.faults.set("musicbrainz", "reset")
    with pytest.raises(NotReachableError):
        await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None)
    # The client asks once more over a new connection when an idle one was cut.
    asked = len(brainz_world.requests.to("musicbrainz"))
    with pytest.raises(EngineError):
        await musicbrainz.find_album("Copper Almanac", "Harbour Songs", None)
    assert len(brainz_world.requests.to("musicbrainz")) == asked


async def test_all_about_one_album_is_told_within_a_bound(
    brainz_world: World, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(musicbrainz_module, "_ALBUM_TIMEOUT_S", 0.1)
    musicbrainz = MusicBrainz(MusicBrainzConfig(brainz_world.musicbrainz.url), session, limiter=Turnstile(1))
    with pytest.raises(NotReachableError, match="too long"):
        await musicbrainz.find_album("Velvet Parallax", "Glass Meridian", None)


@pytest.mark.parametrize("url", ["", "musicbrainz", "ftp://127.0.0.1", "http://", "http://127.0.0.1:1", "http://[x"])
async def test_a_wrong_address_is_told(session: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises((NotReachableError, UnexpectedReplyError)):
        await MusicBrainz(MusicBrainzConfig(url), session).find_album("Velvet Parallax", "Glass Meridian", None)


# --- answers no server of the world gives ------------------------------------------------------------


class Scripted:
    """A MusicBrainz whose answers a test writes: one for each kind of question."""

    def __init__(self) -> None:
        self.answers: dict[str, str | bytes] = {}
        self.agents: set[str] = set()

    @asynccontextmanager
    async def serving(self, session: aiohttp.ClientSession) -> AsyncIterator[MusicBrainz]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.agents.add(request.headers["User-Agent"])
            written = self.answers[request.match_info["path"]]
            body = message(written) if isinstance(written, str) else written
            return web.Response(body=body, content_type="application/xml")

        app = web.Application()
        app.router.add_get("/ws/2/{path:.*}", answer)
        async with TestServer(app, host="127.0.0.1") as server:
            url = str(server.make_url("/"))
            yield MusicBrainz(MusicBrainzConfig(url), session, limiter=Turnstile())

    def with_groups(self, *groups: str) -> Self:
        listed = f'<release-group-list count="{len(groups)}">{"".join(groups)}</release-group-list>'
        self.answers |= {
            "release-group": listed,
            "artist": "<artist-list/>",
            "release": "<release-list/>",
            **{f"artist/{mbid('artist', name)}": "<artist/>" for name in "ABC"},
        }
        return self


def message(inner: str) -> bytes:
    return f'<metadata xmlns="http://musicbrainz.org/ns/mmd-2.0#">{inner}</metadata>'.encode()


def group(
    key: str,
    artist: str,
    *,
    title: str = "Weatherglass",
    name: str = "Pale Orchard",
    year: int = 1999,
    kind: str = "Album",
    inner: str = "",
) -> str:
    return (
        f'<release-group id="{mbid("group", key)}"><title>{escape(title)}</title>'
        f"<first-release-date>{year}-02</first-release-date><primary-type>{kind}</primary-type>{inner}"
        f'<artist-credit><name-credit><artist id="{mbid("artist", artist)}"><name>{escape(name)}</name></artist>'
        "</name-credit></artist-credit></release-group>"
    )


_LIVE = "<secondary-type-list><secondary-type>Live</secondary-type></secondary-type-list>"


@pytest.mark.parametrize(
    ("groups", "year", "meant"),
    [
        ([group("1", "A"), group("2", "B")], None, None),
        ([group("1", "A"), group("2", "B", year=2011)], 2011, "2"),
        ([group("1", "A"), group("2", "B", year=2011)], 2005, None),
        ([group("1", "A"), group("2", "B", kind="Single")], None, None),
        ([group("1", "A", kind="Single"), group("2", "A"), group("3", "A", inner=_LIVE)], None, "2"),
        ([group("1", "A", year=1994), group("2", "A", year=2001)], None, None),
        ([group("1", "A", year=1994), group("2", "A", year=2001)], 2001, "2"),
        ([group("1", "A", name="Pale Orchards")], None, None),
        ([group("1", "A", title="Weatherglass II")], 1999, None),
        ([group("1", "A", year=1999)], 2015, "1"),
    ],
)
async def test_the_album_that_is_meant_is_never_a_guess(
    session: aiohttp.ClientSession, groups: list[str], year: int | None, meant: str | None
) -> None:
    async with Scripted().with_groups(*groups).serving(session) as musicbrainz:
        found = await musicbrainz.find_album("Pale Orchard", "Weatherglass", year)
    assert (found.release_group_id if found else None) == (mbid("group", meant) if meant else None)


async def test_the_exact_name_goes_before_the_alias_of_another(session: aiohttp.ClientSession) -> None:
    other = group("2", "B", name="Orchard Machine").replace(
        "<name>", "<alias-list><alias>Pale Orchard</alias></alias-list><name>"
    )
    async with Scripted().with_groups(other, group("1", "A")).serving(session) as musicbrainz:
        found = await musicbrainz.find_album("Pale Orchard", "Weatherglass", None)
    assert found is not None
    assert found.release_group_id == mbid("group", "1")


async def test_typographers_signs_do_not_make_another_name(session: aiohttp.ClientSession) -> None:
    scripted = Scripted().with_groups(group("1", "A", title="Don’t Wake the Half‐Moon…", name="O’Grove"))
    async with scripted.serving(session) as musicbrainz:
        found = await musicbrainz.find_album("o'grove", "Don't wake the half-moon...", None)
    assert found is not None
    assert found.title == "Don’t Wake the Half‐Moon…"
    assert scripted.agents == {"TrustTune/0.1.0 ( https://github.com/trusttune/trusttune )"}


async def test_an_album_of_two_artists_is_theirs_together_only(session: aiohttp.ClientSession) -> None:
    both = group("1", "A").replace(
        "<name-credit>",
        f'<name-credit joinphrase=" &amp; "><artist id="{mbid("artist", "B")}"><name>Iron Fern</name></artist>'
        "</name-credit><name-credit>",
    )
    async with Scripted().with_groups(both).serving(session) as musicbrainz:
        assert await musicbrainz.find_album("Pale Orchard", "Weatherglass", None) is None
        found = await musicbrainz.find_album("Iron Fern & Pale Orchard", "Weatherglass", None)
    assert found is not None
    assert found.artist == "Iron Fern & Pale Orchard"


def release(key: str, date: str, *discs: int, status: str = "Official", more: str = "") -> str:
    media = "".join(f'<medium><position>1</position><track-list count="{tracks}"/></medium>' for tracks in discs)
    return (
        f'<release id="{mbid("release", key)}"><status>{status}</status>{more}'
        f"<date>{date}</date><medium-list>{media}</medium-list></release>"
    )


@pytest.mark.parametrize(
    ("releases", "nearest"),
    [
        ([release("late", "2010-01-01", 10), release("early", "1999", 12)], "early"),
        ([release("no date", "", 10), release("dated", "2005-05-05", 12)], "dated"),
        ([release("promo", "1998-12", 10, status="Promotion"), release("out", "1999-02", 10)], "out"),
        (
            [
                release("deluxe", "1999-02-01", 10, more="<disambiguation>deluxe</disambiguation>"),
                release("x", "1999-03", 10),
            ],
            "x",
        ),
        ([release("two discs", "1999-02-01", 5, 5), release("one", "1999-11-30", 12)], "one"),
        ([release("bonus", "1999-02-01", 13), release("plain", "1999-11-30", 12)], "plain"),
        ([release("some day", "1999", 12), release("that day", "1999-11-30", 12)], "that day"),
        ([release("boot", "1999", 12, status="Bootleg")], None),
        ([], None),
    ],
)
def test_the_release_nearest_to_the_original_is_taken(releases: list[str], nearest: str | None) -> None:
    told = records.parse(message(f"<release-list>{''.join(releases)}</release-list>"))
    assert records.nearest_original(told) == (mbid("release", nearest) if nearest else None)


def test_tracks_are_numbered_by_position_and_films_left_out() -> None:
    def track(position: int, number: str, inner: str, own: str = "") -> str:
        placed = f"<position>{position}</position><number>{number}</number>"
        return f"<track>{placed}{own}<recording>{inner}</recording></track>"

    told = records.parse(
        message(
            "<release><medium-list><medium><position>2</position><track-list>"
            + track(1, "A1", "<title>First</title><length>61500</length>")
            + track(2, "A2", "<title>Second</title><length>9</length>", "<title>Second (edit)</title><length/>")
            + track(3, "B1", "<title>Third</title>")
            + track(4, "B2", "<title>Film</title><video>true</video>")
            + "</track-list></medium></medium-list></release>"
        )
    )
    assert records.tracks_of(told) == (
        WantedTrack(2, 1, "First", 61.5),
        WantedTrack(2, 2, "Second (edit)", 0.009),
        WantedTrack(2, 3, "Third", None),
    )


_BOMB = b"""<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><metadata xmlns="http://musicbrainz.org/ns/mmd-2.0#">&c;</metadata>"""
_FILE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<metadata xmlns="http://musicbrainz.org/ns/mmd-2.0#">&f;</metadata>"""


@pytest.mark.parametrize(
    "body",
    [
        _BOMB,
        _FILE,
        b"\xff\xfe" + _BOMB.decode().encode("utf-16-le"),
        b"",
        b"<metadata/>",
        b'<rss xmlns="http://musicbrainz.org/ns/mmd-2.0#"/>',
        message('<release-group-list count="many"/>'),
        message('<release xmlns="" id="1"/>'),
        message("<release-list><release><release-group><release-list>" * 20_000),
        message("<release-group><release-list><release>" * 3000 + "</release></release-list></release-group>" * 3000),
    ],
    ids=["bomb", "file", "utf-16", "empty", "no namespace", "rss", "count", "bare", "unclosed", "deep"],
)
async def test_hostile_xml_is_refused(session: aiohttp.ClientSession, body: bytes) -> None:
    scripted = Scripted()
    scripted.answers["release-group"] = body
    async with scripted.serving(session) as musicbrainz:
        with pytest.raises(UnexpectedReplyError):
            await musicbrainz.find_album("Pale Orchard", "Weatherglass", None)


async def test_an_endless_answer_is_cut_off(session: aiohttp.ClientSession) -> None:
    scripted = Scripted()
    scripted.answers["release-group"] = message("<!-- " + "x" * 4 * 1024**2 + " -->")
    async with scripted.serving(session) as musicbrainz:
        with pytest.raises(UnexpectedReplyError, match="more than"):
            await musicbrainz.find_album("Pale Orchard", "Weatherglass", None)


_text = st.text(alphabet=st.characters(exclude_categories=("C",)), max_size=30)
_names = st.sampled_from(
    ["release-group-list", "release-group", "release-list", "release", "medium-list", "medium", "track-list", "track",
     "recording", "artist-credit", "name-credit", "artist", "artist-list", "alias-list", "alias", "title", "name",
     "date", "position", "length", "primary-type", "secondary-type-list", "first-release-date"]
)  # fmt: skip
_markup = st.recursive(
    _text.map(escape),
    lambda inner: st.builds(
        lambda name, parts: f'<{name} id="{mbid(name)}">{"".join(parts)}</{name}>', _names, st.lists(inner, max_size=4)
    ),
    max_leaves=30,
)


@given(st.lists(_markup, max_size=4))
def test_no_answer_makes_reading_raise_anything_else(parts: list[str]) -> None:
    try:
        told = records.parse(message("".join(parts)))
    except UnexpectedReplyError:
        return
    readers: tuple[Callable[..., object], ...] = (
        records.aliases_of,
        records.nearest_original,
        records.tracks_of,
        lambda answer: records.artists_known_as(answer, "x"),
        lambda answer: records.same_name(records.release_groups_of(answer), "x", "y"),
    )
    for read in readers:
        read(told)
