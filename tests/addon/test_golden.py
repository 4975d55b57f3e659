"""The replies carry the fields of qBittorrent 5.1.0, with its types."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import qbittorrentapi
import requests

from live import Daemon, Seeder, is_complete, wait_until

GOLDEN: dict[str, dict[str, list[str]]] = json.loads((Path(__file__).parent / "golden_fields.json").read_text())
# Where the recordings happen to hold only whole numbers, or only one kind of torrent.
FRACTIONS = {"availability", "popularity", "progress", "ratio", "ratio_limit", "max_ratio", "share_ratio"}
NULLABLE = {"private"}
# What Lidarr, Sonarr and Radarr read before they trust a client.
READ_BY_OTHERS = {
    *("save_path", "max_ratio_enabled", "max_ratio", "max_seeding_time_enabled", "max_seeding_time"),
    *("max_inactive_seeding_time_enabled", "max_inactive_seeding_time", "max_ratio_act", "queueing_enabled", "dht"),
}
CALLS = [
    ("torrents/info", "torrents/info", lambda reply: reply),
    ("torrents/properties?hash={hash}", "torrents/properties", lambda reply: [reply]),
    ("torrents/trackers?hash={hash}", "torrents/trackers", lambda reply: reply),
    ("torrents/files?hash={hash}", "torrents/files", lambda reply: reply[:1]),
    ("torrents/categories", "torrents/categories", lambda reply: list(reply.values())),
    ("transfer/info", "transfer/info", lambda reply: [reply]),
    ("app/buildInfo", "app/buildInfo", lambda reply: [reply]),
    ("sync/maindata", "sync/maindata", lambda reply: [reply]),
    ("sync/maindata", "sync/maindata server_state", lambda reply: [reply["server_state"]]),
    ("sync/maindata", "sync/maindata torrents", lambda reply: list(reply["torrents"].values())),
]


def kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def fits(name: str, value: Any, golden: list[str]) -> bool:
    return (
        kind(value) in golden
        or (name in FRACTIONS and kind(value) in ("int", "float"))
        or (name in NULLABLE and value is None)
    )


@pytest.fixture(scope="module")
def known(shared_daemon: Daemon) -> Iterator[qbittorrentapi.Client]:
    """Give one login for all these tests: none of them changes a torrent."""
    client = shared_daemon.client()
    yield client
    client.torrents_delete(delete_files=True, torrent_hashes="all")
    client.torrents_remove_categories(categories=list(client.torrents_categories()))
    client.torrents_delete_tags(tags=list(client.torrents_tags()))


@pytest.fixture(scope="module")
def ask(shared_daemon: Daemon, known: qbittorrentapi.Client, seeder: Seeder) -> Any:
    """Ask while one torrent is whole, one is stopped without metadata and one has a tracker."""
    album = seeder.album()
    tracked = f"magnet:?xt=urn:btih:{'d' * 40}&tr=http://127.0.0.1:9/announce"
    known.torrents_add(urls=album.magnet, category="music", tags="a")
    known.torrents_add(urls=tracked, is_stopped=True)
    wait_until("complete", lambda: is_complete(known, album.info_hash))
    reply = requests.post(
        f"{shared_daemon.url}/api/v2/auth/login",
        data={"username": "admin", "password": shared_daemon.password},
        timeout=20,
    )
    jar = dict(reply.cookies)

    def get(path: str, info_hash: str = album.info_hash) -> requests.Response:
        return requests.get(f"{shared_daemon.url}/api/v2/{path.format(hash=info_hash)}", cookies=jar, timeout=20)

    return get


@pytest.mark.parametrize(("path", "name", "rows_of"), CALLS, ids=[name for _, name, _ in CALLS])
def test_fields_and_types_are_those_of_qbittorrent(ask: Any, path: str, name: str, rows_of: Any) -> None:
    reply = ask(path)
    assert reply.headers["Content-Type"].startswith("application/json")
    rows = rows_of(reply.json())
    assert rows
    for row in rows:
        assert set(row) == set(GOLDEN[name])
        wrong = {field: value for field, value in row.items() if not fits(field, value, GOLDEN[name][field])}
        assert not wrong


def test_a_magnet_without_metadata_has_the_same_fields(ask: Any) -> None:
    assert set(ask("torrents/properties?hash={hash}", "d" * 40).json()) == set(GOLDEN["torrents/properties"])
    assert ask("torrents/files?hash={hash}", "d" * 40).json() == []
    assert ask("torrents/pieceStates?hash={hash}", "d" * 40).json() == []
    assert len(ask("torrents/trackers?hash={hash}", "d" * 40).json()) == 4
    assert ask("torrents/export?hash={hash}", "d" * 40).status_code == 409


def test_preferences_are_a_true_part_of_qbittorrents(ask: Any) -> None:
    reply = ask("app/preferences").json()
    golden = GOLDEN["app/preferences"]
    assert set(reply) >= READ_BY_OTHERS
    assert not {field: value for field, value in reply.items() if not fits(field, value, golden.get(field, []))}


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("app/version", 200, "v5.1.0"),
        ("app/webapiVersion", 200, "2.11.4"),
        ("torrents/count", 200, "2"),
        ("transfer/speedLimitsMode", 200, "0"),
        ("transfer/downloadLimit", 200, "0"),
        ("torrents/properties", 400, "Bad Request"),
        ("torrents/properties?hash=xyz", 404, "Not Found"),
        ("torrents/files?hash=" + "f" * 40, 404, "Not Found"),
        ("torrents/info?sort=nope", 400, "'sort' parameter is invalid"),
        ("torrents/info?hashes=" + "f" * 40, 200, "[]"),
    ],
)
def test_plain_answers_are_those_of_qbittorrent(ask: Any, path: str, status: int, text: str) -> None:
    reply = ask(path)
    assert (reply.status_code, reply.text) == (status, text)


@pytest.mark.parametrize(
    ("path", "form", "status", "text"),
    [
        ("torrents/createCategory", {"category": ""}, 400, "Category cannot be empty"),
        ("torrents/createCategory", {"category": "a\\b"}, 409, "Incorrect category name"),
        ("torrents/createCategory", {"category": "music"}, 409, "Unable to create category"),
        ("torrents/createCategory", {}, 400, "Bad Request"),
        ("torrents/setCategory", {"hashes": "all", "category": "nope"}, 409, "Incorrect category name"),
        ("torrents/filePrio", {"hash": "{hash}", "id": "99", "priority": "1"}, 409, "File ID is not valid"),
        ("torrents/filePrio", {"hash": "{hash}", "id": "0", "priority": "5"}, 400, "Priority is not valid"),
        ("torrents/filePrio", {"hash": "{hash}", "id": "x", "priority": "1"}, 400, "File IDs must be integers"),
        ("torrents/setLocation", {"hashes": "all", "location": ""}, 400, "Save path cannot be empty"),
        ("torrents/setLocation", {"hashes": "all", "location": "/proc/nope"}, 409, "Cannot make save path"),
        ("torrents/topPrio", {"hashes": "all"}, 409, "Torrent queueing must be enabled"),
        ("torrents/stop", {}, 400, "Bad Request"),
        ("torrents/stop", {"hashes": "f" * 40}, 200, ""),
        ("torrents/addPeers", {"hashes": "all", "peers": "nonsense"}, 400, "No valid peers were specified"),
        ("transfer/setSpeedLimitsMode", {"mode": "x"}, 400, "'mode': invalid argument"),
        ("app/setPreferences", {"json": "{"}, 200, ""),
        ("app/setPreferences", {"json": '{"no_such": 1}'}, 200, ""),
    ],
)
def test_refusals_are_those_of_qbittorrent(
    ask: Any, known: qbittorrentapi.Client, path: str, form: dict[str, str], status: int, text: str
) -> None:
    info_hash = known.torrents_info(category="music")[0].hash
    reply = requests.post(
        f"{known.host}/api/v2/{path}",
        data={name: value.replace("{hash}", info_hash) for name, value in form.items()},
        cookies={"SID": known._session.cookies["SID"]},
        timeout=20,
    )
    assert (reply.status_code, reply.text) == (status, text)
