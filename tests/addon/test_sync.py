"""`sync/maindata`: a client that adds the differences up knows what a full answer would say."""

from typing import Any

import qbittorrentapi
import requests

from live import Seeder, is_complete, wait_until

MAGNETS = [f"magnet:?xt=urn:btih:{digit * 40}&dn=Nobody%20{digit}" for digit in "123"]


def merge(known: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("full_update"):
        return {name: answer[name] for name in ("torrents", "categories", "tags", "server_state", "trackers")}
    merged = {
        "torrents": {key: dict(row) for key, row in known["torrents"].items()},
        "categories": known["categories"] | answer.get("categories", {}),
        "tags": sorted({*known["tags"], *answer.get("tags", [])} - {*answer.get("tags_removed", [])}),
        "server_state": known["server_state"] | answer.get("server_state", {}),
        "trackers": known["trackers"] | answer.get("trackers", {}),
    }
    for key, row in answer.get("torrents", {}).items():
        merged["torrents"].setdefault(key, {}).update(row)
    for name in ("torrents", "categories", "trackers"):
        for key in answer.get(f"{name}_removed", []):
            merged[name].pop(key)
    return merged


def ask(client: qbittorrentapi.Client, rid: int) -> dict[str, Any]:
    return client._get(_name="sync", _method="maindata", params={"rid": rid}, response_class=requests.Response).json()


def test_differences_add_up_to_the_full_state(client: qbittorrentapi.Client, seeder: Seeder) -> None:
    album = seeder.album()
    answer = ask(client, 0)
    assert answer["full_update"] is True
    known = merge({}, answer)

    def step() -> dict[str, Any]:
        nonlocal answer, known
        answer = ask(client, answer["rid"])
        assert "full_update" not in answer
        known = merge(known, answer)
        return answer

    client.torrents_add(urls=MAGNETS, tags="a,b", category="music", is_stopped=True)
    assert set(step()["torrents"]) == {digit * 40 for digit in "123"}
    assert known["tags"] == ["a", "b"]
    assert known["categories"] == {"music": {"name": "music", "savePath": ""}}
    client.torrents_add(urls=album.magnet)

    def whole() -> bool:
        step()
        return known["torrents"].get(album.info_hash, {}).get("progress") == 1

    wait_until("the differences say complete", whole)
    client.torrents_delete(torrent_hashes="1" * 40)
    client.torrents_remove_categories(categories="music")
    client.torrents_delete_tags(tags="a")
    client.torrents_add_tags(tags="c", torrent_hashes="2" * 40)
    gone = step()
    assert gone["torrents_removed"] == ["1" * 40]
    assert gone["categories_removed"] == ["music"]
    assert gone["tags_removed"] == ["a"]
    assert gone["torrents"]["2" * 40] == {"category": "", "tags": "b, c"}
    full = merge({}, ask(client, 0))
    for name in ("categories", "tags", "trackers"):
        assert known[name] == full[name]
    moving = {"time_active", "seeding_time", "popularity", "last_activity", "upspeed", "dlspeed", "state"}
    for key, row in full["torrents"].items():
        assert {k: v for k, v in known["torrents"][key].items() if k not in moving} == {
            k: v for k, v in row.items() if k not in moving
        }


def test_an_unknown_number_is_answered_in_full_and_two_logins_do_not_mix(
    client: qbittorrentapi.Client, daemon: Any
) -> None:
    first = ask(client, 0)
    other = daemon.client()
    ask(other, 0)
    client.torrents_add(urls=MAGNETS[0], is_stopped=True)
    assert "1" * 40 in ask(other, 1)["torrents"]
    assert "1" * 40 in ask(client, first["rid"])["torrents"]
    assert ask(client, 9_999)["full_update"] is True
    assert "torrents" not in ask(client, ask(client, 0)["rid"])


def test_filters_sorting_and_cutting_are_those_of_qbittorrent(client: qbittorrentapi.Client) -> None:
    client.torrents_add(urls=MAGNETS, is_stopped=True)
    client.torrents_start(torrent_hashes="2" * 40)
    assert [row.name for row in client.torrents_info(sort="name", reverse=True, limit=2)] == ["Nobody 3", "Nobody 2"]
    assert [row.name for row in client.torrents_info(sort="name", offset=1, limit=1)] == ["Nobody 2"]
    assert [row.hash[0] for row in client.torrents_info(status_filter="running")] == ["2"]
    assert sorted(row.hash[0] for row in client.torrents_info(status_filter="stopped")) == ["1", "3"]
    assert client.torrents_info(torrent_hashes="2" * 40)[0].state == "metaDL"
    assert len(client.torrents_info(status_filter="nonsense")) == 3
    assert client.torrents_count() == 3
    assert not is_complete(client, "1" * 40)
