-- Schema 5. Person data stands only in sealed columns (note, outcome, progress_reason, piece.sealed), but for hub_user.

CREATE TABLE submission (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB    NOT NULL UNIQUE,
    kind            TEXT    NOT NULL,             -- opinion, identification or care_plan
    facility        TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    lane            TEXT    NOT NULL,             -- facility/sender: whom fairness counts; those of a facility are one range
    idempotency_key BLOB    NOT NULL,             -- keyed hash of the sender's key, which may name a person
    request_hash    BLOB    NOT NULL,             -- hash of what was sent; keyed where a plain one could be guessed
    body_hash       BLOB    NOT NULL,             -- SHA-256 of the bytes kept, which are many or salted
    body_length     INTEGER NOT NULL,
    key_id          TEXT    NOT NULL,
    salt            BLOB    NOT NULL,
    note            BLOB    NOT NULL,             -- sealed: warnings and substitutions
    insurer         TEXT    NOT NULL,
    accepted_at     INTEGER NOT NULL,             -- milliseconds since 1970
    due             INTEGER NOT NULL,             -- days since 1970
    state           TEXT    NOT NULL,
    reason          TEXT,
    wait_until      INTEGER,                      -- milliseconds since 1970; of what was delivered: when the secret in outcome expires
    pause           INTEGER NOT NULL DEFAULT 0,   -- milliseconds, the last back-off
    attempts        INTEGER NOT NULL DEFAULT 0,
    strikes         INTEGER NOT NULL DEFAULT 0,
    first_sent_at   INTEGER,
    failed_at       INTEGER,
    receipt_number  TEXT,
    result          TEXT,                         -- JSON: receipt or refusal
    outcome         BLOB,                         -- sealed: what the hub told when it took it
    progress        TEXT,                         -- how far its addressee is with it, by the hub's word
    progress_at     INTEGER,
    progress_reason BLOB,
    changed_at      INTEGER NOT NULL,
    batch           BLOB,                         -- of what was handed in together: the id under which it was
    queue           TEXT,                         -- keyed hash: within one queue nothing overtakes
    place           TEXT,                         -- place in the queue: sorts by stamp, deletes last
    about           TEXT,                         -- JSON without person data: kind, stamp, month, parties, file names
    generation      INTEGER NOT NULL DEFAULT 0,   -- counts the hub's keys: a key whose refusal is final serves no second time
    head            INTEGER NOT NULL DEFAULT 1,   -- 1: nothing of its queue goes before it
    doubtful        INTEGER NOT NULL DEFAULT 0,   -- 1: the hub may have it, though its state does not say so
    hub_key         BLOB,                         -- under which the hub gets it first; NULL: its id (accepted before schema 5)
    hub_user        TEXT,                         -- as whom it is sent; NULL: the facility's own user
    hub_account     TEXT,                         -- the account that handed it in, where it is sent as a person
    UNIQUE (facility, idempotency_key)            -- not the API key: a replaced one must find its documents again
);
CREATE INDEX submission_lane ON submission (kind, lane, due, seq) WHERE state = 'queued' AND head = 1;
-- A partial index serves a query only when the query's own text implies its condition: a comparison of wait_until does,
-- a state bound as a parameter does not.
CREATE INDEX submission_wake ON submission (facility, state, wait_until) WHERE wait_until IS NOT NULL;
CREATE INDEX submission_sending ON submission (facility, seq) WHERE state = 'sending';
CREATE INDEX submission_odd ON submission (facility, seq) WHERE kind NOT IN ('opinion', 'identification', 'care_plan')
    OR state NOT IN ('queued', 'sending', 'unknown', 'held', 'delivered', 'returned', 'cancelled', 'on_paper');
CREATE INDEX submission_list ON submission (facility, state, seq);
CREATE INDEX submission_page ON submission (facility, seq);
CREATE INDEX submission_kind ON submission (facility, kind, seq);
CREATE INDEX submission_old ON submission (facility, changed_at) WHERE state IN ('delivered', 'returned', 'cancelled', 'on_paper');
-- Not unique: a hub that gives one number twice must not block the second document.
CREATE INDEX submission_receipt ON submission (facility, receipt_number) WHERE receipt_number IS NOT NULL;

CREATE INDEX submission_batch ON submission (batch, seq) WHERE batch IS NOT NULL;
-- Only what is not finished stands in a queue.
CREATE INDEX submission_queue ON submission (queue, place, seq)
    WHERE queue IS NOT NULL AND state IN ('queued', 'sending', 'unknown', 'held');
CREATE INDEX submission_place ON submission (queue, place) WHERE queue IS NOT NULL;
CREATE INDEX submission_head ON submission (queue) WHERE queue IS NOT NULL AND head = 1;

CREATE TABLE piece (
    body   BLOB    NOT NULL,
    n      INTEGER NOT NULL,
    sealed BLOB    NOT NULL,
    UNIQUE (body, n)
);

-- Documents being received: their pieces have no submission yet.
CREATE TABLE spool (
    body       BLOB    PRIMARY KEY,
    facility   TEXT    NOT NULL,                  -- who receives them; empty: nobody any more
    started_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE event (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    facility   TEXT    NOT NULL,
    submission BLOB,
    kind       TEXT    NOT NULL,
    data       TEXT    NOT NULL
);
CREATE INDEX event_facility ON event (facility, seq);
CREATE INDEX event_time ON event (facility, at);
CREATE INDEX event_submission ON event (submission, seq);

-- News of receipts whose submission has not learnt of its receipt yet.
CREATE TABLE stray_change (
    facility       TEXT    NOT NULL,              -- in whose feed it stood
    kind           TEXT    NOT NULL,
    receipt_number TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    reason         BLOB,
    PRIMARY KEY (facility, kind, receipt_number)
) WITHOUT ROWID;

-- Of the box, or of a facility: then its number stands behind the name.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_key (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    facility   TEXT    NOT NULL,
    rights     TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    networks   TEXT    NOT NULL DEFAULT '',       -- where it may be used, separated by commas; empty: on the box itself
    person     TEXT,                              -- bound to this account
    expires_at INTEGER
) WITHOUT ROWID;
