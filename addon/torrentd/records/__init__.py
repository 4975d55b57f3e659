"""What torrentd knows about its torrents, kept in the state folder and told in qBittorrent's fields."""
