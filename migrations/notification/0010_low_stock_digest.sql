-- Low stock reaches the admins as one mail about all products. Times are milliseconds since the epoch.

-- What the next mail tells of: the last report of each product.
CREATE TABLE low_stock (
  product_id TEXT PRIMARY KEY,
  sku TEXT NOT NULL,
  name TEXT NOT NULL,
  available INTEGER NOT NULL,
  threshold INTEGER NOT NULL,
  -- the event's time: an older event that comes late changes nothing
  reported_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When the last mail was made; a sweep that finds it changed leaves the work to the one that changed it.
CREATE TABLE digests (
  kind TEXT PRIMARY KEY CHECK (kind = 'low_stock'),
  made_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO digests (kind, made_at) VALUES ('low_stock', 0);

-- A template that an admin has edited stays: its variables list all products, in one order.
UPDATE templates SET
  subject = 'Low stock: {{summary}}',
  text_body = 'These are at or under their threshold:

{{lines}}

{{shopName}}',
  html_body = '<p>These are at or under their threshold:</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>{{shopName}}</p>',
  variables = '["summary","lines","shopName"]'
WHERE kind = 'low_stock' AND channel = 'email' AND locale = 'en' AND updated_by IS NULL;
