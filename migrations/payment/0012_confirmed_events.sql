-- Which events have reached all their consumers, without a write for each: docs/adr/032-what-an-order-writes.md. The same in every database.

-- One row: every event up to this place is confirmed, but those in outbox_late.
CREATE TABLE outbox_confirmed (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  up_to INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_confirmed (id, up_to) SELECT 1, coalesce(max(seq), 0) FROM outbox;

-- Events that were passed over because a consumer lacked them.
CREATE TABLE outbox_late (
  seq INTEGER PRIMARY KEY
) STRICT;
INSERT INTO outbox_late (seq) SELECT seq FROM outbox WHERE confirmed_at IS NULL;

-- An event that was published as confirmed, or confirmed by the version before, has confirmed_at.
CREATE VIEW unconfirmed_events AS
  SELECT seq, id, type, time, envelope FROM outbox
    WHERE seq > (SELECT up_to FROM outbox_confirmed) AND confirmed_at IS NULL
  UNION ALL
  SELECT outbox_late.seq, id, type, time, envelope FROM outbox_late CROSS JOIN outbox ON outbox.seq = outbox_late.seq
    WHERE confirmed_at IS NULL;

DROP INDEX outbox_unconfirmed;
-- A correlation is searched for in the log, newest first, as a type is.
DROP INDEX outbox_by_correlation;
