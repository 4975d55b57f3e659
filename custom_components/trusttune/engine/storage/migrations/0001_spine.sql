CREATE TABLE tickets (
    id            TEXT PRIMARY KEY,
    wanted_key    TEXT NOT NULL,
    wanted        TEXT NOT NULL,
    state         TEXT NOT NULL,
    priority      TEXT NOT NULL,
    rank          INTEGER NOT NULL,
    created_at    REAL NOT NULL,
    updated_at    REAL NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    retry_state   TEXT,
    attempts      INTEGER NOT NULL DEFAULT 0,
    is_dry_run    INTEGER NOT NULL DEFAULT 0,
    is_cancelling INTEGER NOT NULL DEFAULT 0,
    is_terminal   INTEGER NOT NULL DEFAULT 0,
    chosen        INTEGER,
    info_hash     TEXT
) STRICT;

-- The same wanted album has one open ticket, whoever asks and however often.
CREATE UNIQUE INDEX tickets_open ON tickets (wanted_key, is_dry_run) WHERE is_terminal = 0;
CREATE INDEX tickets_turn ON tickets (state, rank DESC, created_at);

CREATE TABLE requesters (
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    name      TEXT NOT NULL,
    source    TEXT NOT NULL,
    PRIMARY KEY (ticket_id, name, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE candidates (
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    number    INTEGER NOT NULL,
    is_listed INTEGER NOT NULL DEFAULT 1,
    candidate TEXT NOT NULL,
    info_hash TEXT,
    metainfo  BLOB,
    magnet    TEXT,
    PRIMARY KEY (ticket_id, number)
) STRICT, WITHOUT ROWID;

-- Every release a ticket ever began to download; one row each, for ever.
CREATE TABLE grabs (
    ticket_id  TEXT NOT NULL REFERENCES tickets (id),
    info_hash  TEXT NOT NULL,
    begun_at   REAL NOT NULL,
    added_at   REAL,
    PRIMARY KEY (ticket_id, info_hash)
) STRICT, WITHOUT ROWID;

-- Releases found bad for a ticket: by info hash, or by indexer and guid before it is known.
CREATE TABLE quarantine (
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    release   TEXT NOT NULL,
    reason    TEXT NOT NULL,
    PRIMARY KEY (ticket_id, release)
) STRICT, WITHOUT ROWID;

CREATE TABLE placements (
    ticket_id TEXT PRIMARY KEY REFERENCES tickets (id),
    placement TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         REAL NOT NULL,
    ticket_id  TEXT,
    event      TEXT NOT NULL,
    from_state TEXT,
    to_state   TEXT,
    who        TEXT NOT NULL,
    why        TEXT NOT NULL,
    data       TEXT NOT NULL
) STRICT;
CREATE INDEX journal_ticket ON journal (ticket_id, seq);

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- Single values that must survive a restart: the last scan, limits to put back.
CREATE TABLE remembered (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
