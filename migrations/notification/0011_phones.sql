-- Phone numbers are proven by a code before a text about an order goes there. Times are milliseconds since the epoch.
CREATE TABLE phones (
  user_id TEXT PRIMARY KEY,
  -- E.164
  phone TEXT NOT NULL CHECK (phone GLOB '+[1-9]*'),
  -- NULL for one that was set before codes were sent: it is shown, and gets no text until it is proven
  proven_at INTEGER,
  set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO phones (user_id, phone, proven_at, set_at)
  SELECT user_id, phone, NULL, updated_at FROM preferences WHERE phone IS NOT NULL;
ALTER TABLE preferences DROP COLUMN phone;

-- The last code that was sent to a user, hashed.
CREATE TABLE phone_codes (
  user_id TEXT PRIMARY KEY,
  phone TEXT NOT NULL CHECK (phone GLOB '+[1-9]*'),
  code_hash TEXT NOT NULL,
  tries INTEGER NOT NULL CHECK (tries >= 0),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- These tell of what is not paid, so no text goes out about them any more.
DELETE FROM templates WHERE channel = 'sms' AND kind IN ('payment_failed', 'cart_reminder');

INSERT INTO templates (kind, channel, locale, subject, text_body, html_body, variables, updated_at) VALUES
(
  'phone_code', 'sms', 'en',
  'Your code',
  '{{shopName}}: your code is {{code}}. It is good for {{expiresInMinutes}} minutes. Nobody from the shop asks you for it.',
  '',
  '["shopName","code","expiresInMinutes"]', 0
),
(
  'phone_code', 'sms', 'de',
  'Ihr Code',
  '{{shopName}}: Ihr Code ist {{code}}. Er gilt {{expiresInMinutes}} Minuten. Niemand vom Shop fragt Sie danach.',
  '',
  '["shopName","code","expiresInMinutes"]', 0
),
(
  'phone_changed', 'email', 'en',
  'A phone number was set at {{shopName}}',
  '{{greeting}},

a phone number was set for your account at {{shopName}}. Text messages about your orders go there if you have chosen them.

If it was not you, set a new password at once: that also removes the number.',
  '<p>{{greeting}},</p>
<p>a phone number was set for your account at {{shopName}}. Text messages about your orders go there if you have chosen them.</p>
<p>If it was not you, set a new password at once: that also removes the number.</p>',
  '["greeting","shopName"]', 0
),
(
  'phone_changed', 'email', 'de',
  'Eine Telefonnummer wurde bei {{shopName}} hinterlegt',
  '{{greeting}},

für Ihr Konto bei {{shopName}} wurde eine Telefonnummer hinterlegt. SMS zu Ihren Bestellungen gehen dorthin, wenn Sie das gewählt haben.

Waren Sie es nicht, vergeben Sie sofort ein neues Passwort: damit wird auch die Nummer entfernt.',
  '<p>{{greeting}},</p>
<p>für Ihr Konto bei {{shopName}} wurde eine Telefonnummer hinterlegt. SMS zu Ihren Bestellungen gehen dorthin, wenn Sie das gewählt haben.</p>
<p>Waren Sie es nicht, vergeben Sie sofort ein neues Passwort: damit wird auch die Nummer entfernt.</p>',
  '["greeting","shopName"]', 0
),
(
  'push_device_added', 'email', 'en',
  'A browser was signed up for messages at {{shopName}}',
  '{{greeting}},

a browser was signed up for push messages of your account at {{shopName}}.

If it was not you, set a new password at once: that also removes the browser.',
  '<p>{{greeting}},</p>
<p>a browser was signed up for push messages of your account at {{shopName}}.</p>
<p>If it was not you, set a new password at once: that also removes the browser.</p>',
  '["greeting","shopName"]', 0
),
(
  'push_device_added', 'email', 'de',
  'Ein Browser wurde bei {{shopName}} angemeldet',
  '{{greeting}},

ein Browser wurde für Push-Nachrichten Ihres Kontos bei {{shopName}} angemeldet.

Waren Sie es nicht, vergeben Sie sofort ein neues Passwort: damit wird auch der Browser entfernt.',
  '<p>{{greeting}},</p>
<p>ein Browser wurde für Push-Nachrichten Ihres Kontos bei {{shopName}} angemeldet.</p>
<p>Waren Sie es nicht, vergeben Sie sofort ein neues Passwort: damit wird auch der Browser entfernt.</p>',
  '["greeting","shopName"]', 0
);
