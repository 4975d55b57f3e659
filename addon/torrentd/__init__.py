"""torrentd: libtorrent behind the qBittorrent Web API.

Three rooms: `session` speaks to libtorrent, `api` speaks HTTP, and `records` between them knows
what a torrent is called, where it belongs and how its state reads in qBittorrent's words.
"""

__version__ = "0.1.0"
