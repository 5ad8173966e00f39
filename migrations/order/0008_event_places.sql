-- The place of an event among all that this Worker has committed, for whoever follows them: ids and times are made before a commit. The
-- same in every database. shared/outbox.ts takes it in the commit; the trigger does for Workers of the version before.
ALTER TABLE outbox ADD COLUMN seq INTEGER;
UPDATE outbox SET seq = placed.n
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbox) AS placed WHERE placed.id = outbox.id;
CREATE UNIQUE INDEX outbox_by_seq ON outbox (seq) WHERE seq IS NOT NULL;
CREATE TRIGGER outbox_inserted AFTER INSERT ON outbox WHEN new.seq IS NULL BEGIN
  UPDATE outbox SET seq = coalesce((SELECT max(seq) FROM outbox WHERE seq IS NOT NULL), 0) + 1 WHERE id = new.id;
END;
