-- What operators list newest first, and the findings that somebody has to look at. The same in every database.
CREATE INDEX dead_letters_by_time ON dead_letters (dead_at, event_id);
CREATE INDEX findings_open ON findings (last_found_at, kind, subject) WHERE outcome = 'open';
