-- What the buyer reads when the tracking of an order that has left is set or changed.
INSERT INTO templates (kind, channel, locale, subject, text_body, html_body, variables, updated_at) VALUES
(
  'order_tracking_changed', 'email', 'en',
  'Tracking of order {{orderNumber}}',
  'Hello {{name}},

order {{orderNumber}} is tracked here from now on:

{{tracking}}

{{shopName}}',
  '<p>Hello {{name}},</p>
<p>order <strong>{{orderNumber}}</strong> is tracked here from now on:</p>
<p style="white-space: pre-line">{{tracking}}</p>
<p>{{shopName}}</p>',
  '["orderNumber","name","tracking","shopName"]', 0
),
(
  'order_tracking_changed', 'email', 'de',
  'Sendungsverfolgung zu Bestellung {{orderNumber}}',
  'Guten Tag {{name}},

Bestellung {{orderNumber}} ist ab jetzt hier zu verfolgen:

{{tracking}}

{{shopName}}',
  '<p>Guten Tag {{name}},</p>
<p>Bestellung <strong>{{orderNumber}}</strong> ist ab jetzt hier zu verfolgen:</p>
<p style="white-space: pre-line">{{tracking}}</p>
<p>{{shopName}}</p>',
  '["orderNumber","name","tracking","shopName"]', 0
),
(
  'order_tracking_changed', 'sms', 'en',
  'Tracking of order {{orderNumber}}',
  '{{shopName}}: order {{orderNumber}} is now tracked as {{tracking}}',
  '',
  '["orderNumber","shopName","tracking"]', 0
),
(
  'order_tracking_changed', 'push', 'en',
  'Tracking of order {{orderNumber}}',
  'Order {{orderNumber}} is now tracked as {{tracking}}',
  '',
  '["orderNumber","tracking"]', 0
),
(
  'order_tracking_changed', 'sms', 'de',
  'Sendungsverfolgung zu Bestellung {{orderNumber}}',
  '{{shopName}}: Bestellung {{orderNumber}} ist jetzt zu verfolgen als {{tracking}}',
  '',
  '["orderNumber","shopName","tracking"]', 0
),
(
  'order_tracking_changed', 'push', 'de',
  'Sendungsverfolgung zu Bestellung {{orderNumber}}',
  'Bestellung {{orderNumber}} ist jetzt zu verfolgen als {{tracking}}',
  '',
  '["orderNumber","tracking"]', 0
);
