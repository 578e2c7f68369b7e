-- Part of the schema since 3: what other offices sent, and the folders.

-- What other offices sent. Its bytes are pieces under its id.
CREATE TABLE received (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB    NOT NULL UNIQUE,
    facility       TEXT    NOT NULL,
    hub_id         TEXT    NOT NULL,
    from_facility  TEXT    NOT NULL,
    hub_kind       TEXT    NOT NULL,              -- as the hub names it
    receipt_number TEXT    NOT NULL,
    sent_at        INTEGER NOT NULL,              -- by the hub's clock, milliseconds since 1970
    announced_at   INTEGER NOT NULL,
    state          TEXT    NOT NULL,              -- announced: the bytes are still to be fetched; kept: they are here; gone: the hub lost them
    reason         TEXT,                          -- why it is not here, or why its files cannot be made
    wait_until     INTEGER,                       -- not asked for, or acknowledged, before this time
    pause          INTEGER NOT NULL DEFAULT 0,
    kept_at        INTEGER,
    body_hash      BLOB,
    body_length    INTEGER,
    key_id         TEXT,
    salt           BLOB,
    about          TEXT,                          -- JSON without person data: kind, stamp, month, parties, file names
    acknowledged   TEXT    NOT NULL DEFAULT 'none', -- what the hub was told: none, downloaded, opened
    opened_at      INTEGER,                       -- when a person looked
    opened_by      TEXT,
    placed_at      INTEGER,                       -- when its files were put into the folder `in`
    UNIQUE (facility, hub_id)
);
CREATE INDEX received_page ON received (facility, seq);
CREATE INDEX received_todo ON received (facility, pause, seq)
    WHERE (state = 'announced' OR state = 'kept' AND (acknowledged = 'none' OR acknowledged = 'downloaded' AND
    opened_at IS NOT NULL));
CREATE INDEX received_old ON received (facility, opened_at) WHERE opened_at IS NOT NULL;
CREATE INDEX received_unopened ON received (facility, seq) WHERE opened_at IS NULL;
CREATE INDEX received_unplaced ON received (facility, seq) WHERE placed_at IS NULL;

-- What was here and is forgotten: the hub may list it again, and it must not arrive twice.
CREATE TABLE received_forgotten (
    facility TEXT NOT NULL,
    hub_id   TEXT NOT NULL,
    PRIMARY KEY (facility, hub_id)
) WITHOUT ROWID;

-- Files on their way into the folder `in`: committed before the first of them gets its name there.
CREATE TABLE placement (
    received BLOB PRIMARY KEY,
    folder   TEXT NOT NULL,
    files    TEXT NOT NULL,                       -- JSON: names
    at       INTEGER NOT NULL
) WITHOUT ROWID;

-- Files taken from the folder `out` whose fate is still to be told beside them.
CREATE TABLE taken (
    claim    BLOB PRIMARY KEY,                    -- one batch may have been taken twice, in files of the same bytes
    facility TEXT NOT NULL,
    batch    BLOB NOT NULL,
    folder   TEXT NOT NULL,
    files    BLOB NOT NULL,                       -- sealed: names, as the facility's software gave them
    told     BLOB NOT NULL                        -- sealed: what was told last
) WITHOUT ROWID;
