"""Measure how soon a stream of torrentd starts.

192 MiB in pieces of 1 MiB from one libtorrent seeder on 127.0.0.1 limited to 4 MB/s: seconds from the request to
the first MiB, and from a second request at 50 % to its first MiB. Run from the repository's root:

    PYTHONPATH=tests/addon .cache/venv-addon/bin/python tests/bench/torrentd_stream.py [runs]
"""

import http.client
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import libtorrent as lt
from live import PASSWORD, Daemon, Seeder, wait_until

MEBIBYTE = 1 << 20
SIZE = 192 * MEBIBYTE
RATE_BPS = 4_000_000


def log_in(daemon: Daemon) -> str:
    """Return the cookie of a login."""
    connection = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=20)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/api/v2/auth/login", f"username=admin&password={PASSWORD}", form)
    with connection.getresponse() as reply:
        cookie = reply.headers["Set-Cookie"].partition(";")[0]
    connection.close()
    return cookie


def first_mebibyte(daemon: Daemon, address: str, cookie: str, start: int, original: bytes) -> float:
    """Return the seconds until the first MiB from the start was read, and check it."""
    connection = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=60)
    began = time.monotonic()
    connection.request("GET", address, headers={"Cookie": cookie, "Range": f"bytes={start}-"})
    with connection.getresponse() as reply:
        content = reply.read(MEBIBYTE)
    seconds = time.monotonic() - began
    connection.close()
    assert content == original[start : start + MEBIBYTE], "other bytes than the seeder has"
    return seconds


def run(home: Path) -> tuple[float, float]:
    """Return the seconds at the start and after the seek, in a fresh torrentd."""
    seeder = Seeder(home)
    folder = home / "seed"
    folder.mkdir()
    original = random.Random(1).randbytes(SIZE)
    (folder / "long.flac").write_bytes(original)
    maker = lt.create_torrent(lt.list_files(str(folder / "long.flac")), MEBIBYTE, lt.create_torrent.v1_only)
    lt.set_piece_hashes(maker, str(folder))
    album = seeder.seed(lt.bencode(maker.generate()), folder)
    seeder.limit(RATE_BPS)
    daemon = Daemon(home)
    try:
        client = daemon.start()
        cookie = log_in(daemon)
        client.torrents_add(torrent_files=album.torrent_file)
        client.torrents_add_peers(peers=f"127.0.0.1:{album.port}", torrent_hashes=album.info_hash)
        address = f"/api/v2/trusttune/stream/{album.info_hash}/0"
        started = first_mebibyte(daemon, address, cookie, 0, original)
        wait_until("some of it came", lambda: client.torrents_info()[0].completed > 6 * MEBIBYTE)
        return started, first_mebibyte(daemon, address, cookie, SIZE // 2, original)
    finally:
        daemon.close()


def main() -> None:
    """Print every run and the medians."""
    results = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        with tempfile.TemporaryDirectory() as home:
            results.append(run(Path(home)))
        sys.stdout.write("first MiB after {:.2f} s, at 50 % after {:.2f} s\n".format(*results[-1]))
        sys.stdout.flush()
    medians = [statistics.median(column) for column in zip(*results, strict=True)]
    sys.stdout.write("medians: {:.2f} s, {:.2f} s\n".format(*medians))


if __name__ == "__main__":
    main()
