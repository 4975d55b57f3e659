"""The whole way of a request, through a real torrent client and a real swarm, without Home Assistant."""

import asyncio
from pathlib import Path

import pytest

from custom_components.trusttune.engine.config import BrainConfig, ClientConfig, WorkerConfig
from custom_components.trusttune.engine.errors import TicketError, TransitionError
from custom_components.trusttune.engine.journal import entry as journal
from custom_components.trusttune.engine.status import ProblemKind
from custom_components.trusttune.engine.tickets.state import State
from custom_components.trusttune.engine.tickets.ticket import Priority, Requester, Source
from custom_components.trusttune.engine.torrents.client import Progress
from custom_components.trusttune.engine.torrents.qbittorrent import QBittorrentClient
from tests.household import configuration, files_below, household
from tests.torrent_clients import RunningClient
from tests.world.world import World

ADA = Requester("Ada")


async def test_a_missing_album_arrives_in_the_library(world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    async with household(configuration(tmp_path, world, torrentd)) as home:
        report = await home.engine.scan_now(who="Ada")
        assert report.gaps == 6, "Lidarr misses seven, and Jellyfin has one of them"
        assert report.created == 5, "no more than five a day"
        ticket = next(each for each in (await home.engine.tickets()).tickets if each.wanted.title == "Night Ledger II")
        await home.reaches(ticket.id, {State.COMPLETED})
        assert home.states(ticket.id) == [
            State.PENDING,
            State.ACQUIRING,
            State.AUTO_APPROVED,
            State.DOWNLOADING,
            State.VERIFYING,
            State.CONVERTING,
            State.PLACING,
            State.COMPLETED,
        ]
        folder = world.music_folder / "Velvet Parallax" / "Night Ledger II (2021)"
        assert files_below(folder) == {
            "01 - Second Entry.flac",
            "02 - Owls & Engines.flac",
            "03 - What the Clock Owes.flac",
            "04 - Balance.flac",
        }
        assert world.jellyfin.refreshes >= 1, "Jellyfin was told"
        details = await home.engine.ticket(ticket.id)
        assert [each.event for each in details.journal].count(journal.Event.NOTE) == 0


async def test_a_household_without_lidarr_gets_the_whole_album(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    async with household(configuration(tmp_path, world, torrentd, lidarr=None)) as home:
        ticket, _ = await home.engine.request("velvet parallax", "glass meridian", requester=ADA)
        done = await home.reaches(ticket.id, State.COMPLETED)
        assert State.AUTO_APPROVED in home.states(ticket.id), "nobody had to be asked"
        assert State.NEEDS_APPROVAL not in home.states(ticket.id)
        assert done.wanted.release_group_id == world.catalogue.album("glass-meridian").release_group_id
        assert files_below(world.music_folder / "Velvet Parallax" / "Glass Meridian (2019)") == {
            "01 - Opening the Shutters.flac",
            "02 - Glass Meridian.flac",
            "03 - A Slow Tide.flac",
            "04 - Paper Compass.flac",
        }
        again, is_new = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        assert (again.wanted.key, is_new) == (ticket.wanted.key, True), "what is completed can be asked for anew"


async def test_an_album_lidarr_does_not_know_is_looked_up_in_musicbrainz(
    quiet_world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    async with household(configuration(tmp_path, quiet_world, torrentd)) as home:
        known, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA, is_dry_run=True)
        await home.reaches(known.id, State.DRY_RUN_COMPLETE)
        assert not quiet_world.requests.to("musicbrainz"), "Lidarr knew it"
        # Lidarr knows the artist by the own name only.
        other, _ = await home.engine.request("Mirna Zarya", "Polar Lanterns", requester=ADA, is_dry_run=True)
        done = await home.reaches(other.id, State.DRY_RUN_COMPLETE)
        assert (done.wanted.artist, len(done.wanted.tracks)) == ("Мирна Заря", 5)


async def test_no_failure_of_musicbrainz_holds_a_ticket_up(
    quiet_world: World, torrentd: RunningClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quiet_world.faults.set("musicbrainz", "starting_503", retry_after_s=3600)
    async with household(configuration(tmp_path, quiet_world, torrentd, lidarr=None)) as home:
        for title in ("Glass Meridian", "Night Ledger II"):
            ticket, _ = await home.engine.request("Velvet Parallax", title, requester=ADA)
            # Without its tracks it may be as sure, but what it holds is what the torrent says.
            asked = await home.reaches(ticket.id, {State.AUTO_APPROVED, State.NEEDS_APPROVAL})
            assert not asked.wanted.tracks
        assert not home.engine.status.problems
        assert len(quiet_world.requests.to("musicbrainz")) == 1, "it asked to be left alone"
    told = [each for each in caplog.records if "MusicBrainz" in each.message and each.levelname == "WARNING"]
    assert len(told) == 1


async def test_the_candidate_a_person_approves_is_the_one_that_comes(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    config = configuration(tmp_path, world, torrentd, brain=BrainConfig(always_ask=True))
    async with household(config) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.reaches(ticket.id, State.NEEDS_APPROVAL)
        candidates = (await home.engine.ticket(ticket.id)).candidates
        mp3 = next(each for each in candidates if each.candidate.format == "mp3-320")
        assert mp3 is not candidates[0]
        await home.engine.approve(ticket.id, candidate=mp3.number, who="Ada")
        await home.reaches(ticket.id, State.COMPLETED)
        placed = files_below(world.music_folder / "Velvet Parallax" / "Glass Meridian (2019)")
        assert len(placed) == 4
        assert all(name.endswith(".mp3") for name in placed)


async def test_the_same_album_asked_for_twice_is_one_ticket(
    quiet_world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    config = configuration(tmp_path, quiet_world, torrentd, brain=BrainConfig(always_ask=True))
    async with household(config) as home:
        first, is_new = await home.engine.request("Copper Almanac", "Harbour Songs", requester=ADA)
        assert is_new
        ben = Requester("Ben", Source.VOICE)
        second, is_new = await home.engine.request(
            "copper  ALMANAC", "Harbour songs", requester=ben, priority=Priority.HIGH
        )
        assert not is_new
        assert second.id == first.id
        assert set(second.requesters) == {ADA, ben}
        assert second.priority is Priority.HIGH


async def test_an_album_nobody_lists_says_so_and_can_be_tried_again(
    quiet_world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    async with household(configuration(tmp_path, quiet_world, torrentd)) as home:
        ticket, _ = await home.engine.request("Nobody At All", "Silence Unrecorded", requester=ADA)
        failed = await home.reaches(ticket.id, State.ACQUISITION_FAILED)
        assert failed.reason == "No indexer lists it"
        again = await home.engine.retry(ticket.id, who="Ada")
        assert again.state is State.PENDING
        await home.until(lambda: home.states(ticket.id).count(State.ACQUISITION_FAILED) == 2)


async def test_an_indexer_that_fails_is_named_in_the_ticket(
    quiet_world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    quiet_world.faults.set("torznab", "error_in_200")
    async with household(configuration(tmp_path, quiet_world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        failed = await home.reaches(ticket.id, State.ACQUISITION_FAILED)
        assert "No indexer could be asked" in failed.reason
        assert list(home.engine.status.failing_indexers) == ["World"]
        quiet_world.faults.clear("torznab")
        await home.engine.retry(ticket.id, who="Ada")
        await home.reaches(ticket.id, {State.AUTO_APPROVED, State.NEEDS_APPROVAL})
        assert not home.engine.status.failing_indexers


async def test_a_dry_run_finds_and_fetches_nothing(quiet_world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    async with household(configuration(tmp_path, quiet_world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA, is_dry_run=True)
        done = await home.reaches(ticket.id, State.DRY_RUN_COMPLETE)
        assert done.reason.startswith("Dry run: Velvet Parallax - Glass Meridian")
        assert State.DOWNLOADING not in home.states(ticket.id)


async def test_cancel_stops_the_torrent_before_the_ticket_is_cancelled(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    await world.seeder.limit(20_000)
    async with household(configuration(tmp_path, world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.reaches(ticket.id, State.DOWNLOADING)
        await home.until(lambda: any(each.event is journal.Event.ADDED_TO_CLIENT for each in home.entries))
        cancelled = await home.engine.cancel(ticket.id, who="Ada")
        assert cancelled.state is State.CANCELLED
        assert await home.engine._client.torrents() == {}
        assert not files_below(torrentd.download_folder)


async def test_cancelling_while_the_client_is_away_ends_when_it_is_back(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    await world.seeder.limit(20_000)
    async with household(configuration(tmp_path, world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.reaches(ticket.id, State.DOWNLOADING)
        await home.until(lambda: any(each.event is journal.Event.ADDED_TO_CLIENT for each in home.entries))
        await torrentd.kill()
        waiting = await home.engine.cancel(ticket.id, who="Ada")
        assert waiting.is_cancelling
        assert waiting.state is State.DOWNLOADING
        await torrentd.start()
        await home.reaches(ticket.id, State.CANCELLED)
        assert await home.engine._client.torrents() == {}


async def test_a_client_that_goes_away_in_the_middle_and_comes_back_finishes(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    await world.seeder.limit(150_000)
    async with household(configuration(tmp_path, world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Night Ledger III", requester=ADA)
        await home.reaches(ticket.id, State.DOWNLOADING)
        await home.until(lambda: any(each.event is journal.Event.ADDED_TO_CLIENT for each in home.entries))
        await torrentd.kill()
        await home.shows(lambda status: not status.is_client_connected)
        assert [problem.kind for problem in home.engine.status.problems] == [ProblemKind.CLIENT_UNREACHABLE]
        await torrentd.start()
        await world.seeder.limit(0)
        await home.reaches(ticket.id, State.COMPLETED)
        assert home.engine.status.problems == ()


async def test_a_stalled_download_is_quarantined_and_the_next_one_is_taken(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    first = world.torrent("glass-meridian-flac").info_hash
    await world.seeder.stop(first)
    workers = WorkerConfig(poll_interval_s=0.2, stall_timeout_s=4.0)
    brain = BrainConfig(auto_approve_threshold=0.5)
    async with household(configuration(tmp_path, world, torrentd, workers=workers, brain=brain)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.until(lambda: State.DOWNLOADING in home.states(ticket.id))
        assert (await home.engine.ticket(ticket.id)).ticket.info_hash == first
        await home.until(lambda: any(each.event is journal.Event.QUARANTINED for each in home.entries))
        await home.until(
            lambda: (
                home.states(ticket.id)[-1] in {State.NEEDS_APPROVAL, State.AUTO_APPROVED, State.DOWNLOADING}
                and home.states(ticket.id).count(State.ACQUIRING) == 2
            )
        )
        if home.states(ticket.id)[-1] is State.NEEDS_APPROVAL:
            await home.engine.approve(ticket.id, who="Ada")
        await home.reaches(ticket.id, State.COMPLETED)
        done = (await home.engine.ticket(ticket.id)).ticket
        assert done.info_hash != first
        assert first not in await home.engine._client.torrents()


async def test_what_a_person_removes_from_the_client_does_not_come_back(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    await world.seeder.limit(20_000)
    async with household(configuration(tmp_path, world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.until(lambda: any(each.event is journal.Event.ADDED_TO_CLIENT for each in home.entries))
        info_hash = (await home.engine.ticket(ticket.id)).ticket.info_hash
        assert info_hash is not None
        await home.engine._client.delete(info_hash, with_files=True)
        failed = await home.reaches(ticket.id, State.FAILED)
        assert "removed from the torrent client" in failed.reason
        assert failed.retry_state is State.PENDING


async def test_people_are_told_what_cannot_be_done(quiet_world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    async with household(configuration(tmp_path, quiet_world, torrentd, brain=BrainConfig(always_ask=True))) as home:
        with pytest.raises(TicketError, match="There is no ticket"):
            await home.engine.approve("0000000000", who="Ada")
        with pytest.raises(TicketError, match="which album"):
            await home.engine.request(" ", "x", requester=ADA)
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.reaches(ticket.id, State.NEEDS_APPROVAL)
        with pytest.raises(TicketError, match="no candidate 99"):
            await home.engine.approve(ticket.id, candidate=99, who="Ada")
        rejected = await home.engine.reject(ticket.id, who="Ada", why="not this one")
        assert rejected.reason == "not this one"
        with pytest.raises(TransitionError):
            await home.engine.approve(ticket.id, who="Ada")


async def test_a_rejected_album_is_not_asked_for_again_by_the_scan(
    quiet_world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    async with household(configuration(tmp_path, quiet_world, torrentd, brain=BrainConfig(always_ask=True))) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.reaches(ticket.id, State.NEEDS_APPROVAL)
        await home.engine.reject(ticket.id, who="Ada")
        report = await home.engine.scan_now(who="Ada")
        assert "Glass Meridian by Velvet Parallax: somebody rejected it before" in report.skipped


async def test_magnet_given_by_hand_is_what_comes(world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    config = configuration(tmp_path, world, torrentd, brain=BrainConfig(always_ask=True))
    torrent = world.torrent("night-ledger-iii-mp3")
    async with household(config) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Night Ledger III", requester=ADA)
        await home.reaches(ticket.id, State.NEEDS_APPROVAL)
        magnet = f"magnet:?xt=urn:btih:{torrent.info_hash}&tr={world.tracker.url}"
        await home.engine.force_magnet(ticket.id, magnet, who="Ada")
        done = await home.reaches(ticket.id, State.COMPLETED)
        assert done.info_hash == torrent.info_hash


async def test_a_torrent_of_another_program_is_never_touched(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    torrent = world.torrent("night-ledger-iii-flac")
    client = QBittorrentClient(ClientConfig(torrentd.url, torrentd.username, torrentd.password))
    await client.add(torrent.metainfo(world.tracker.url), info_hash=torrent.info_hash, tags=(), category="lidarr")

    async def is_there() -> bool:
        await client.torrents()
        listed = client._main.torrents.get(torrent.info_hash, {})
        return listed.get("category") == "lidarr" and listed.get("progress") == 1

    async with asyncio.timeout(30):
        while not await is_there():
            await asyncio.sleep(0.1)

    config = configuration(tmp_path, world, torrentd, brain=BrainConfig(always_ask=True))
    async with household(config) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Night Ledger III", requester=ADA)
        await home.reaches(ticket.id, State.NEEDS_APPROVAL)
        await home.engine.force_magnet(ticket.id, f" Magnet:?xt=urn:btih:{torrent.info_hash}", who="Ada")
        await home.until(lambda: any(each.event is journal.Event.QUARANTINED for each in home.entries))
        await home.until(lambda: home.states(ticket.id)[-1] is State.NEEDS_APPROVAL)
        await home.engine.cancel(ticket.id, who="Ada")
    assert await is_there()
    assert len(files_below(torrentd.download_folder)) == 3
    await client.close()


async def test_cancelling_twice_is_as_good_as_once(world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    await world.seeder.limit(20_000)
    async with household(configuration(tmp_path, world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.until(lambda: any(each.event is journal.Event.ADDED_TO_CLIENT for each in home.entries))
        ended = await asyncio.gather(*(home.engine.cancel(ticket.id, who=name) for name in ("Ada", "Ben")))
        assert [each.state for each in ended] == [State.CANCELLED, State.CANCELLED]
        assert home.states(ticket.id).count(State.CANCELLED) == 1


async def test_a_dry_run_takes_no_magnet(quiet_world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    async with household(configuration(tmp_path, quiet_world, torrentd)) as home:
        ticket, _ = await home.engine.request("Nobody At All", "Nothing", requester=ADA, is_dry_run=True)
        await home.reaches(ticket.id, State.ACQUISITION_FAILED)
        with pytest.raises(TicketError, match="dry run"):
            await home.engine.force_magnet(ticket.id, f"magnet:?xt=urn:btih:{'a' * 40}", who="Ada")


async def test_an_outage_of_lidarr_fails_no_ticket(quiet_world: World, torrentd: RunningClient, tmp_path: Path) -> None:
    quiet_world.faults.set("lidarr", "starting_503")
    async with household(configuration(tmp_path, quiet_world, torrentd)) as home:
        ticket, _ = await home.engine.request("Velvet Parallax", "Glass Meridian", requester=ADA)
        await home.until(lambda: any(each.event is journal.Event.NOTE for each in home.entries))
        assert [problem.kind for problem in home.engine.status.problems] == [ProblemKind.LIDARR]
        quiet_world.faults.clear()
        await home.reaches(ticket.id, {State.AUTO_APPROVED, State.NEEDS_APPROVAL})
        assert State.FAILED not in home.states(ticket.id)


async def test_a_pack_that_serves_two_tickets_keeps_the_files_of_both(
    world: World, torrentd: RunningClient, tmp_path: Path
) -> None:
    torrent = world.torrent("night-ledger-iii-flac")
    magnet = f"magnet:?xt=urn:btih:{torrent.info_hash}&tr={world.tracker.url}"
    config = configuration(tmp_path, world, torrentd, brain=BrainConfig(always_ask=True), lidarr=None)
    async with household(config) as home:
        tickets = []
        for album in ("Night Ledger III", "Night Ledger Three"):
            ticket, _ = await home.engine.request("Velvet Parallax", album, requester=ADA)
            await home.reaches(ticket.id, {State.NEEDS_APPROVAL, State.ACQUISITION_FAILED})
            await home.engine.force_magnet(ticket.id, magnet, who="Ada")
            tickets.append(ticket)
        for ticket in tickets:
            await home.reaches(ticket.id, State.COMPLETED)
        torrents = await home.engine._client.torrents()
        assert [each.state for each in torrents.values()] == [Progress.COMPLETE]
