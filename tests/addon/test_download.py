"""A torrent's life in torrentd, with qbittorrent-api as the client and a real seeder."""

import time
from collections.abc import Callable

import qbittorrentapi

from live import Daemon, Seeder, is_complete, wait_until


def test_a_magnet_is_downloaded_and_every_byte_is_on_disk_when_it_says_complete(
    daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder
) -> None:
    album = seeder.album()
    assert client.torrents_add(urls=album.magnet, category="trusttune", tags=["ticket:1", "two words"]) == "Ok."
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    assert {name: (daemon.downloads / name).read_bytes() for name in album.files} == album.files
    (row,) = client.torrents_info(category="trusttune", tag="ticket:1", status_filter="completed")
    assert row.state in ("stalledUP", "uploading")
    assert row.tags == "ticket:1, two words"
    assert row.amount_left == 0
    assert row.completion_on >= row.added_on
    assert row.content_path == str(daemon.downloads / next(iter(album.files)).split("/")[0])


def test_a_torrent_file_is_downloaded_and_exported_as_it_came(
    daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder
) -> None:
    album = seeder.album()
    assert client.torrents_add(torrent_files=album.torrent_file) == "Ok."
    assert client.torrents_add(torrent_files=album.torrent_file) == "Fails."
    client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    assert client.torrents_export(album.info_hash) == album.torrent_file
    assert set(client.torrents_piece_states(album.info_hash)) == {2}
    assert [file.progress for file in client.torrents_files(album.info_hash)] == [1, 1, 1]


def test_a_stopped_torrent_takes_nothing_until_it_is_started(
    client: qbittorrentapi.Client, seeder: Seeder, daemon: Daemon
) -> None:
    album = seeder.album()
    client.torrents_add(torrent_files=album.torrent_file, is_stopped=True)
    client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    (row,) = client.torrents_info()
    assert (row.state, row.completed) == ("stoppedDL", 0)
    client.torrents_start(torrent_hashes=album.info_hash)
    client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    client.torrents_stop(torrent_hashes=album.info_hash)
    wait_until("stopped", lambda: client.torrents_info()[0].state == "stoppedUP")
    # Hashing a stopped torrent again ends with it stopped and whole.
    victim = daemon.downloads / next(name for name in album.files if name.endswith("Harbour.flac"))
    victim.write_bytes(b"\0" * victim.stat().st_size)
    client.torrents_recheck(torrent_hashes=album.info_hash)
    wait_until("seen broken", lambda: client.torrents_info()[0].state == "stoppedDL")
    assert 0 < client.torrents_info()[0].progress < 1


def test_a_skipped_file_is_not_fetched_and_comes_when_it_is_wanted_again(
    daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder
) -> None:
    album = seeder.album({"a.flac": 65_536, "b.flac": 65_536, "c.flac": 65_536})
    client.torrents_add(torrent_files=album.torrent_file, is_stopped=True)
    client.torrents_file_priority(torrent_hash=album.info_hash, file_ids=[1], priority=0)
    client.torrents_start(torrent_hashes=album.info_hash)
    client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    wait_until("complete without it", lambda: is_complete(client, album.info_hash))
    assert client.torrents_info()[0].size == 131_072
    skipped = client.torrents_files(album.info_hash)[1].name
    assert not (daemon.downloads / skipped).exists()
    assert [file.priority for file in client.torrents_files(album.info_hash)] == [1, 0, 1]
    client.torrents_file_priority(torrent_hash=album.info_hash, file_ids=[1], priority=7)
    client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    wait_until("whole", lambda: is_complete(client, album.info_hash) and client.torrents_info()[0].size == 196_608)
    assert (daemon.downloads / skipped).read_bytes() == album.files[skipped]


def test_deleting_takes_the_files_only_when_asked(
    daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder
) -> None:
    album = seeder.album()
    client.torrents_add(urls=album.magnet)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    client.torrents_delete(torrent_hashes=album.info_hash)
    assert client.torrents_info() == []
    assert all((daemon.downloads / name).exists() for name in album.files)
    client.torrents_add(torrent_files=album.torrent_file)
    wait_until("found on disk", lambda: is_complete(client, album.info_hash))
    client.torrents_delete(torrent_hashes=album.info_hash, delete_files=True)
    assert not any((daemon.downloads / name).exists() for name in album.files)


def test_content_moves_below_the_download_folder_and_nowhere_else(
    daemon: Daemon, client: qbittorrentapi.Client, seeder: Seeder
) -> None:
    album = seeder.album()
    client.torrents_add(urls=album.magnet)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    for outside in ("/tmp", "../elsewhere", str(daemon.state)):
        try:
            client.torrents_set_location(location=outside, torrent_hashes=album.info_hash)
        except qbittorrentapi.Conflict409Error:
            continue
        raise AssertionError(f"moved to {outside}")
    target = daemon.downloads / "moved"
    client.torrents_set_location(location=str(target), torrent_hashes=album.info_hash)
    wait_until("moved", lambda: client.torrents_info()[0].save_path == str(target))
    assert {name: (target / name).read_bytes() for name in album.files} == album.files
    assert client.torrents_add(urls=f"magnet:?xt=urn:btih:{'c' * 40}", save_path="/tmp") == "Fails."


def test_a_torrent_that_has_seeded_enough_is_stopped(client: qbittorrentapi.Client, seeder: Seeder) -> None:
    album = seeder.album()
    client.torrents_add(urls=album.magnet)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    client.torrents_set_share_limits(
        ratio_limit=0, seeding_time_limit=-2, inactive_seeding_time_limit=-2, torrent_hashes=album.info_hash
    )
    wait_until("stopped", lambda: client.torrents_info()[0].state == "stoppedUP")


def test_a_limit_holds_for_peers_on_this_machine_and_survives_a_restart(
    new_daemon: Callable[..., Daemon], seeder: Seeder
) -> None:
    daemon = new_daemon()
    client = daemon.start()
    client.transfer_set_download_limit(limit=200_000)
    assert client.transfer_download_limit() == 199_680
    client.transfer_toggle_speed_limits_mode()
    assert client.transfer_speed_limits_mode() == "1"
    assert client.transfer_info().dl_rate_limit == 10_240
    client.transfer_toggle_speed_limits_mode()
    assert daemon.stop() == 0
    client = daemon.start()
    assert client.transfer_download_limit() == 199_680
    album = seeder.album({"long.flac": 3_000_000})
    client.torrents_add(urls=album.magnet)
    wait_until("it moves", lambda: client.torrents_info()[0].completed > 0)
    started, before = time.monotonic(), client.torrents_info()[0].completed
    wait_until("more came", lambda: client.torrents_info()[0].completed > before + 400_000)
    # Two seconds' worth at the limit: without it this takes a few hundredths.
    assert time.monotonic() - started > 0.8


def test_killed_in_the_middle_it_goes_on_after_the_restart(new_daemon: Callable[..., Daemon], seeder: Seeder) -> None:
    album = seeder.album({"one.flac": 2_000_000, "disc 2/two.flac": 1_500_000})
    daemon = new_daemon()
    client = daemon.start()
    client.transfer_set_download_limit(limit=400_000)
    client.torrents_add(urls=album.magnet, category="trusttune", tags="ticket:77")
    wait_until("some of it came", lambda: client.torrents_info()[0].completed > 300_000)
    daemon.kill()
    client = daemon.start()
    (row,) = client.torrents_info()
    assert (row.hash, row.category, row.tags) == (album.info_hash, "trusttune", "ticket:77")
    assert row.progress < 1
    assert "trusttune" in client.torrents_categories()
    client.transfer_set_download_limit(limit=0)
    client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    assert {name: (daemon.downloads / name).read_bytes() for name in album.files} == album.files


def test_killed_right_after_the_answer_nothing_added_is_lost(new_daemon: Callable[..., Daemon], seeder: Seeder) -> None:
    album = seeder.album()
    daemon = new_daemon()
    client = daemon.start()
    client.torrents_add(torrent_files=album.torrent_file, tags="ticket:1", is_stopped=True)
    client.torrents_add(urls=f"magnet:?xt=urn:btih:{'b' * 40}&dn=Somewhere", tags="ticket:2")
    daemon.kill()
    client = daemon.start()
    assert {(row.hash, row.tags) for row in client.torrents_info()} == {
        (album.info_hash, "ticket:1"),
        ("b" * 40, "ticket:2"),
    }
    client.torrents_delete(torrent_hashes="b" * 40)
    daemon.kill()
    assert [row.hash for row in daemon.start().torrents_info()] == [album.info_hash]


def test_a_complete_torrent_is_complete_at_once_after_a_restart_and_missing_files_are_said(
    new_daemon: Callable[..., Daemon], seeder: Seeder
) -> None:
    album = seeder.album()
    daemon = new_daemon()
    client = daemon.start()
    client.torrents_add(urls=album.magnet)
    wait_until("complete", lambda: is_complete(client, album.info_hash))
    assert daemon.stop() == 0
    client = daemon.start()
    wait_until("complete again", lambda: is_complete(client, album.info_hash), 5)
    assert daemon.stop() == 0
    for name in album.files:
        (daemon.downloads / name).unlink()
    client = daemon.start()
    wait_until("missing", lambda: client.torrents_info()[0].state == "missingFiles")
