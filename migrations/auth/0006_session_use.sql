-- When a session was last used: at its sign-in or its latest refresh. Staff sees it beside each session of a user.
ALTER TABLE token_families ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
-- Each use moves the end to 30 days later, up to the end of the family: for those near that end, this is the latest it can have been.
UPDATE token_families SET last_used_at = max(created_at, expires_at - 2592000000);
