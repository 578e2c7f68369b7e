-- Part of the schema since 4: terminals, people, the trail.

-- What was paired. Revoked ones stay, for the trail.
CREATE TABLE terminal (
    id           TEXT    PRIMARY KEY,             -- 16 lower-case hexadecimal digits
    facility     TEXT    NOT NULL,
    label        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,                -- software or browser
    rights       TEXT    NOT NULL,                -- names, separated by commas
    person       TEXT,                            -- bound to this account
    secret       BLOB,                            -- SHA-256 of a browser's cookie
    paired_at    INTEGER NOT NULL,                -- milliseconds since 1970
    paired_from  TEXT    NOT NULL,
    paired_by    TEXT    NOT NULL,
    last_used_at INTEGER,                         -- to the hour
    last_from    TEXT,
    reopened_at  INTEGER,
    revoked_at   INTEGER,
    serial       BLOB,                            -- of the newest certificate; whoever renews an older one has a copy
    serial_before BLOB,                           -- of the one before: the answer with the newest may have been lost
    serial_passed BLOB,                           -- of one that was issued and passed over: its answer came after all, it may be shown once more
    copied_at    INTEGER                          -- when an older one was to be renewed: the terminal is shut
) WITHOUT ROWID;

-- Windows in which a terminal may pair.
CREATE TABLE pairing (
    id         TEXT    PRIMARY KEY,               -- 16 lower-case hexadecimal digits
    facility   TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,                  -- software, browser or key
    rights     TEXT    NOT NULL,
    person     TEXT,
    networks   TEXT    NOT NULL,                  -- of kind key: where it may be used; empty: where it paired
    code       BLOB    NOT NULL,                  -- keyed hash
    opened_by  TEXT    NOT NULL,
    opened_at  INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    wrong      INTEGER NOT NULL DEFAULT 0,
    used_at    INTEGER
) WITHOUT ROWID;

-- Accounts of people. Names are sealed.
CREATE TABLE staff (
    facility    TEXT    NOT NULL,
    user        TEXT    NOT NULL,                 -- what is typed at log-in, and stands in the trail
    name        BLOB    NOT NULL,                 -- sealed
    role        TEXT    NOT NULL,
    password    TEXT    NOT NULL,                 -- argon2id, PHC string
    one_time    INTEGER NOT NULL,                 -- 1: to be changed at log-in
    password_at INTEGER NOT NULL,                 -- when it was set; a one-time password ends some days later
    created_at  INTEGER NOT NULL,
    leaves_on   INTEGER,                          -- days since 1970, the last day
    suspended   INTEGER NOT NULL DEFAULT 0,
    last_login_at INTEGER,
    hub_user    TEXT,                             -- the person's own user id at the hub
    hub_password BLOB,                            -- sealed; NULL: asked for
    PRIMARY KEY (facility, user)
) WITHOUT ROWID;

-- People who are logged in at a browser.
CREATE TABLE session (
    secret     BLOB    PRIMARY KEY,               -- SHA-256 of the cookie
    facility   TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    terminal   TEXT    NOT NULL,
    begun_at   INTEGER NOT NULL,
    used_at    INTEGER NOT NULL                   -- to the minute
) WITHOUT ROWID;
CREATE INDEX session_user ON session (facility, user);
CREATE INDEX session_terminal ON session (terminal);

-- The trail: every act, chained by hash. Rows are only ever added.
CREATE TABLE trail (
    seq    INTEGER PRIMARY KEY,                   -- without a gap, from 1
    at     INTEGER NOT NULL,
    record TEXT    NOT NULL                       -- one line of JSON without its end; docs/audit.md
);
CREATE INDEX trail_time ON trail (at);
-- Whoever holds the file can do as he likes, and the chain shows it; no statement of ours, and no slip of somebody's hand, changes it.
CREATE TRIGGER trail_next BEFORE INSERT ON trail WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM trail)
BEGIN SELECT RAISE(ABORT, 'the trail is only added to at its end'); END;
CREATE TRIGGER trail_fixed BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
CREATE TRIGGER trail_kept BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is only added to'); END;
