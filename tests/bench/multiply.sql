-- Copies the queued submissions round and round until there are WANTED. Ids grow, as the gateway's do.
CREATE TEMP TABLE source AS SELECT row_number() OVER (ORDER BY seq) - 1 AS nth, seq, id FROM submission;
CREATE TEMP TABLE copy AS
    WITH RECURSIVE numbers (n) AS (SELECT count(*) FROM source UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < WANTED)
    SELECT n, unhex(printf('%016x', n) || hex(randomblob(8))) AS id, source.seq AS of, source.id AS body
    FROM numbers JOIN source ON nth = n % (SELECT count(*) FROM source);
BEGIN;
INSERT INTO submission (id, kind, facility, sender, lane, idempotency_key, request_hash, body_hash, body_length, key_id, salt,
                        note, insurer, accepted_at, due, state, reason, changed_at)
    SELECT copy.id, submission.kind, facility, sender, lane, 'copy-' || n, request_hash, body_hash, body_length, key_id, salt, note,
           insurer, accepted_at, due, 'queued', 'WAIT_TURN', accepted_at
    FROM copy JOIN submission ON seq = of ORDER BY n;
INSERT INTO piece (body, n, sealed)
    SELECT copy.id, piece.n, sealed FROM copy JOIN piece ON piece.body = copy.body ORDER BY copy.n;
INSERT INTO event (at, facility, submission, kind, data)
    SELECT at, facility, copy.id, kind, data FROM copy JOIN event ON submission = copy.body
    WHERE kind = 'submission.queued' ORDER BY copy.n;
COMMIT;
