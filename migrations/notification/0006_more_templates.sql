-- The shop's mails in German, the texts and pushes in both languages, and what NOTIFICATION_SEND asks for. Each variable is filled by
-- workers/notifications/src/domain/messages.ts or brought by the publisher (shared/events/commands.ts).
INSERT INTO templates (kind, channel, locale, subject, text_body, html_body, variables, updated_at) VALUES
(
  'order_received', 'email', 'de',
  'Bestellung {{orderNumber}} eingegangen',
  'Guten Tag {{name}},

vielen Dank für Ihre Bestellung {{orderNumber}} bei {{shopName}}.

{{lines}}

Zwischensumme: {{subtotal}}
Versand: {{shipping}}
Gesamt: {{total}}

Wir schreiben Ihnen wieder, sobald sie bezahlt ist.',
  '<p>Guten Tag {{name}},</p>
<p>vielen Dank für Ihre Bestellung <strong>{{orderNumber}}</strong> bei {{shopName}}.</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>Zwischensumme: {{subtotal}}<br>Versand: {{shipping}}<br><strong>Gesamt: {{total}}</strong></p>
<p>Wir schreiben Ihnen wieder, sobald sie bezahlt ist.</p>',
  '["orderNumber","name","shopName","lines","subtotal","shipping","total"]', 0
),
(
  'payment_received', 'email', 'de',
  'Zahlung für Bestellung {{orderNumber}} erhalten',
  'Guten Tag {{name}},

Ihre Zahlung von {{total}} für Bestellung {{orderNumber}} ist in Ordnung, und die Ware ist für Sie reserviert.

{{lines}}

Wir schreiben Ihnen wieder, wenn sie unterwegs ist.
{{shopName}}',
  '<p>Guten Tag {{name}},</p>
<p>Ihre Zahlung von <strong>{{total}}</strong> für Bestellung <strong>{{orderNumber}}</strong> ist in Ordnung, und die Ware ist für Sie reserviert.</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>Wir schreiben Ihnen wieder, wenn sie unterwegs ist.<br>{{shopName}}</p>',
  '["orderNumber","name","total","lines","shopName"]', 0
),
(
  'order_shipped', 'email', 'de',
  'Bestellung {{orderNumber}} ist unterwegs',
  'Guten Tag {{name}},

Bestellung {{orderNumber}} hat unser Lager verlassen.

{{tracking}}

{{lines}}

{{shopName}}',
  '<p>Guten Tag {{name}},</p>
<p>Bestellung <strong>{{orderNumber}}</strong> hat unser Lager verlassen.</p>
<p style="white-space: pre-line">{{tracking}}</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>{{shopName}}</p>',
  '["orderNumber","name","tracking","lines","shopName"]', 0
),
(
  'order_delivered', 'email', 'de',
  'Bestellung {{orderNumber}} wurde zugestellt',
  'Guten Tag {{name}},

Bestellung {{orderNumber}} wurde zugestellt. Vielen Dank für Ihren Einkauf bei {{shopName}}.',
  '<p>Guten Tag {{name}},</p>
<p>Bestellung <strong>{{orderNumber}}</strong> wurde zugestellt. Vielen Dank für Ihren Einkauf bei {{shopName}}.</p>',
  '["orderNumber","name","shopName"]', 0
),
(
  'order_cancelled', 'email', 'de',
  'Bestellung {{orderNumber}} wurde storniert',
  'Guten Tag {{name}},

Bestellung {{orderNumber}} über {{total}} wurde storniert.
Grund: {{reason}}

Was Sie dafür bezahlt haben, erhalten Sie zurück; wir schreiben Ihnen dann wieder.
{{shopName}}',
  '<p>Guten Tag {{name}},</p>
<p>Bestellung <strong>{{orderNumber}}</strong> über {{total}} wurde storniert.<br>Grund: {{reason}}</p>
<p>Was Sie dafür bezahlt haben, erhalten Sie zurück; wir schreiben Ihnen dann wieder.<br>{{shopName}}</p>',
  '["orderNumber","name","total","reason","shopName"]', 0
),
(
  'payment_refunded', 'email', 'de',
  'Erstattung für Bestellung {{orderNumber}}',
  'Guten Tag {{name}},

wir haben Ihnen Geld für Bestellung {{orderNumber}} erstattet. Bisher erstattet: {{refunded}} von {{amount}}.

Bis Ihre Bank es anzeigt, können einige Tage vergehen.
{{shopName}}',
  '<p>Guten Tag {{name}},</p>
<p>wir haben Ihnen Geld für Bestellung <strong>{{orderNumber}}</strong> erstattet. Bisher erstattet: <strong>{{refunded}}</strong> von {{amount}}.</p>
<p>Bis Ihre Bank es anzeigt, können einige Tage vergehen.<br>{{shopName}}</p>',
  '["orderNumber","name","refunded","amount","shopName"]', 0
),
(
  'payment_failed', 'email', 'de',
  'Zahlung für Bestellung {{orderNumber}} nicht gelungen',
  'Guten Tag {{name}},

Ihre Zahlung von {{amount}} für Bestellung {{orderNumber}} ist nicht gelungen.
Grund: {{reason}}

Die Bestellung ist noch offen: Bitte versuchen Sie es noch einmal oder mit einer anderen Karte.
{{shopName}}',
  '<p>Guten Tag {{name}},</p>
<p>Ihre Zahlung von <strong>{{amount}}</strong> für Bestellung <strong>{{orderNumber}}</strong> ist nicht gelungen.<br>Grund: {{reason}}</p>
<p>Die Bestellung ist noch offen: Bitte versuchen Sie es noch einmal oder mit einer anderen Karte.<br>{{shopName}}</p>',
  '["orderNumber","name","amount","reason","shopName"]', 0
),
(
  'welcome', 'email', 'de',
  'Willkommen bei {{shopName}}',
  'Guten Tag {{name}},

Ihr Konto bei {{shopName}} ist bereit. Sie melden sich mit {{email}} an.',
  '<p>Guten Tag {{name}},</p>
<p>Ihr Konto bei {{shopName}} ist bereit. Sie melden sich mit {{email}} an.</p>',
  '["shopName","name","email"]', 0
),
(
  'cart_reminder', 'email', 'en',
  'Your cart at {{shopName}}',
  'Hello {{name}},

you left these in your cart at {{shopName}}:

{{lines}}

Subtotal: {{subtotal}}

The cart itself has expired; the goods are still in our shop.

You get this because reminders of carts are on. To get no more of them, turn off "cart_reminder" in your notification preferences.',
  '<p>Hello {{name}},</p>
<p>you left these in your cart at {{shopName}}:</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>Subtotal: <strong>{{subtotal}}</strong></p>
<p>The cart itself has expired; the goods are still in our shop.</p>
<p>You get this because reminders of carts are on. To get no more of them, turn off "cart_reminder" in your notification preferences.</p>',
  '["shopName","name","lines","subtotal"]', 0
),
(
  'cart_reminder', 'email', 'de',
  'Ihr Warenkorb bei {{shopName}}',
  'Guten Tag {{name}},

das lag noch in Ihrem Warenkorb bei {{shopName}}:

{{lines}}

Zwischensumme: {{subtotal}}

Der Warenkorb selbst ist abgelaufen; die Ware gibt es weiter in unserem Shop.

Sie erhalten dies, weil Erinnerungen an Warenkörbe eingeschaltet sind. Wenn Sie keine mehr möchten, schalten Sie "cart_reminder" in Ihren Benachrichtigungen aus.',
  '<p>Guten Tag {{name}},</p>
<p>das lag noch in Ihrem Warenkorb bei {{shopName}}:</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>Zwischensumme: <strong>{{subtotal}}</strong></p>
<p>Der Warenkorb selbst ist abgelaufen; die Ware gibt es weiter in unserem Shop.</p>
<p>Sie erhalten dies, weil Erinnerungen an Warenkörbe eingeschaltet sind. Wenn Sie keine mehr möchten, schalten Sie "cart_reminder" in Ihren Benachrichtigungen aus.</p>',
  '["shopName","name","lines","subtotal"]', 0
),
(
  'password_reset', 'email', 'en',
  'Set a new password at {{shopName}}',
  'Hello {{name}},

somebody, hopefully you, asked for a new password for your account at {{shopName}}. Set it here within {{expiresInMinutes}} minutes: {{link}}

If it was not you, there is nothing to do: your password stays as it is.',
  '<p>Hello {{name}},</p>
<p>somebody, hopefully you, asked for a new password for your account at {{shopName}}. Set it here within {{expiresInMinutes}} minutes: <a href="{{link}}">Set a new password</a></p>
<p>If it was not you, there is nothing to do: your password stays as it is.</p>',
  '["shopName","name","expiresInMinutes","link"]', 0
),
(
  'password_reset', 'email', 'de',
  'Neues Passwort bei {{shopName}}',
  'Guten Tag {{name}},

jemand, hoffentlich Sie, hat ein neues Passwort für Ihr Konto bei {{shopName}} angefordert. Vergeben Sie es hier innerhalb von {{expiresInMinutes}} Minuten: {{link}}

Waren Sie es nicht, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist.',
  '<p>Guten Tag {{name}},</p>
<p>jemand, hoffentlich Sie, hat ein neues Passwort für Ihr Konto bei {{shopName}} angefordert. Vergeben Sie es hier innerhalb von {{expiresInMinutes}} Minuten: <a href="{{link}}">Neues Passwort vergeben</a></p>
<p>Waren Sie es nicht, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist.</p>',
  '["shopName","name","expiresInMinutes","link"]', 0
),
(
  'email_verification', 'email', 'en',
  'Confirm your e-mail address at {{shopName}}',
  'Hello {{name}},

please confirm within {{expiresInMinutes}} minutes that this address is yours: {{link}}

If you have no account at {{shopName}}, you can ignore this.',
  '<p>Hello {{name}},</p>
<p>please confirm within {{expiresInMinutes}} minutes that this address is yours: <a href="{{link}}">Confirm the address</a></p>
<p>If you have no account at {{shopName}}, you can ignore this.</p>',
  '["shopName","name","expiresInMinutes","link"]', 0
),
(
  'email_verification', 'email', 'de',
  'Bestätigen Sie Ihre E-Mail-Adresse bei {{shopName}}',
  'Guten Tag {{name}},

bitte bestätigen Sie innerhalb von {{expiresInMinutes}} Minuten, dass diese Adresse Ihnen gehört: {{link}}

Wenn Sie kein Konto bei {{shopName}} haben, können Sie dies ignorieren.',
  '<p>Guten Tag {{name}},</p>
<p>bitte bestätigen Sie innerhalb von {{expiresInMinutes}} Minuten, dass diese Adresse Ihnen gehört: <a href="{{link}}">Adresse bestätigen</a></p>
<p>Wenn Sie kein Konto bei {{shopName}} haben, können Sie dies ignorieren.</p>',
  '["shopName","name","expiresInMinutes","link"]', 0
),
(
  'password_changed', 'email', 'en',
  'Your password at {{shopName}} was changed',
  'Hello {{name}},

the password of your account at {{shopName}} was changed, and every other session was ended.

If it was not you, set a new password at once and write to us.',
  '<p>Hello {{name}},</p>
<p>the password of your account at {{shopName}} was changed, and every other session was ended.</p>
<p>If it was not you, set a new password at once and write to us.</p>',
  '["shopName","name"]', 0
),
(
  'password_changed', 'email', 'de',
  'Ihr Passwort bei {{shopName}} wurde geändert',
  'Guten Tag {{name}},

das Passwort Ihres Kontos bei {{shopName}} wurde geändert, und alle anderen Sitzungen wurden beendet.

Waren Sie es nicht, vergeben Sie sofort ein neues Passwort und schreiben Sie uns.',
  '<p>Guten Tag {{name}},</p>
<p>das Passwort Ihres Kontos bei {{shopName}} wurde geändert, und alle anderen Sitzungen wurden beendet.</p>
<p>Waren Sie es nicht, vergeben Sie sofort ein neues Passwort und schreiben Sie uns.</p>',
  '["shopName","name"]', 0
),
(
  'authorization_expiring', 'email', 'en',
  'Authorization of order {{orderNumber}} ends soon',
  'The authorization of {{amount}} for order {{orderNumber}} ends at {{expiresAt}}. After that the money can no longer be captured.

Ship the order or capture the payment before then.
Order: {{orderId}}
{{shopName}}',
  '<p>The authorization of <strong>{{amount}}</strong> for order <strong>{{orderNumber}}</strong> ends at {{expiresAt}}. After that the money can no longer be captured.</p>
<p>Ship the order or capture the payment before then.<br>Order: {{orderId}}<br>{{shopName}}</p>',
  '["orderNumber","amount","expiresAt","orderId","shopName"]', 0
),
(
  'dispute_opened', 'email', 'en',
  'Dispute over order {{orderNumber}}',
  'The payment of {{amount}} for order {{orderNumber}} is disputed.
Reason: {{reason}}

The order cannot be processed or shipped until the dispute is closed. Answer it in the Stripe dashboard.
Order: {{orderId}}
{{shopName}}',
  '<p>The payment of <strong>{{amount}}</strong> for order <strong>{{orderNumber}}</strong> is disputed.<br>Reason: {{reason}}</p>
<p>The order cannot be processed or shipped until the dispute is closed. Answer it in the Stripe dashboard.<br>Order: {{orderId}}<br>{{shopName}}</p>',
  '["orderNumber","amount","reason","orderId","shopName"]', 0
),
(
  'order_received', 'sms', 'en',
  'Order {{orderNumber}} received',
  '{{shopName}}: we have your order {{orderNumber}} over {{total}}.',
  '',
  '["orderNumber","shopName","total"]', 0
),
(
  'order_received', 'push', 'en',
  'Order {{orderNumber}} received',
  'We have your order {{orderNumber}} over {{total}}.',
  '',
  '["orderNumber","total"]', 0
),
(
  'order_received', 'sms', 'de',
  'Bestellung {{orderNumber}} eingegangen',
  '{{shopName}}: Ihre Bestellung {{orderNumber}} über {{total}} ist eingegangen.',
  '',
  '["orderNumber","shopName","total"]', 0
),
(
  'order_received', 'push', 'de',
  'Bestellung {{orderNumber}} eingegangen',
  'Ihre Bestellung {{orderNumber}} über {{total}} ist eingegangen.',
  '',
  '["orderNumber","total"]', 0
),
(
  'payment_received', 'sms', 'en',
  'Payment received',
  '{{shopName}}: your payment of {{total}} for order {{orderNumber}} is in order.',
  '',
  '["shopName","total","orderNumber"]', 0
),
(
  'payment_received', 'push', 'en',
  'Payment received',
  'Your payment of {{total}} for order {{orderNumber}} is in order.',
  '',
  '["total","orderNumber"]', 0
),
(
  'payment_received', 'sms', 'de',
  'Zahlung erhalten',
  '{{shopName}}: Ihre Zahlung von {{total}} für Bestellung {{orderNumber}} ist in Ordnung.',
  '',
  '["shopName","total","orderNumber"]', 0
),
(
  'payment_received', 'push', 'de',
  'Zahlung erhalten',
  'Ihre Zahlung von {{total}} für Bestellung {{orderNumber}} ist in Ordnung.',
  '',
  '["total","orderNumber"]', 0
),
(
  'order_shipped', 'sms', 'en',
  'Order {{orderNumber}} is on its way',
  '{{shopName}}: order {{orderNumber}} is on its way. {{tracking}}',
  '',
  '["orderNumber","shopName","tracking"]', 0
),
(
  'order_shipped', 'push', 'en',
  'Order {{orderNumber}} is on its way',
  'Order {{orderNumber}} is on its way. {{tracking}}',
  '',
  '["orderNumber","tracking"]', 0
),
(
  'order_shipped', 'sms', 'de',
  'Bestellung {{orderNumber}} ist unterwegs',
  '{{shopName}}: Bestellung {{orderNumber}} ist unterwegs. {{tracking}}',
  '',
  '["orderNumber","shopName","tracking"]', 0
),
(
  'order_shipped', 'push', 'de',
  'Bestellung {{orderNumber}} ist unterwegs',
  'Bestellung {{orderNumber}} ist unterwegs. {{tracking}}',
  '',
  '["orderNumber","tracking"]', 0
),
(
  'order_delivered', 'sms', 'en',
  'Order {{orderNumber}} delivered',
  '{{shopName}}: order {{orderNumber}} has been delivered.',
  '',
  '["orderNumber","shopName"]', 0
),
(
  'order_delivered', 'push', 'en',
  'Order {{orderNumber}} delivered',
  'Order {{orderNumber}} has been delivered.',
  '',
  '["orderNumber"]', 0
),
(
  'order_delivered', 'sms', 'de',
  'Bestellung {{orderNumber}} zugestellt',
  '{{shopName}}: Bestellung {{orderNumber}} wurde zugestellt.',
  '',
  '["orderNumber","shopName"]', 0
),
(
  'order_delivered', 'push', 'de',
  'Bestellung {{orderNumber}} zugestellt',
  'Bestellung {{orderNumber}} wurde zugestellt.',
  '',
  '["orderNumber"]', 0
),
(
  'order_cancelled', 'sms', 'en',
  'Order {{orderNumber}} cancelled',
  '{{shopName}}: order {{orderNumber}} has been cancelled. Reason: {{reason}}',
  '',
  '["orderNumber","shopName","reason"]', 0
),
(
  'order_cancelled', 'push', 'en',
  'Order {{orderNumber}} cancelled',
  'Order {{orderNumber}} has been cancelled. Reason: {{reason}}',
  '',
  '["orderNumber","reason"]', 0
),
(
  'order_cancelled', 'sms', 'de',
  'Bestellung {{orderNumber}} storniert',
  '{{shopName}}: Bestellung {{orderNumber}} wurde storniert. Grund: {{reason}}',
  '',
  '["orderNumber","shopName","reason"]', 0
),
(
  'order_cancelled', 'push', 'de',
  'Bestellung {{orderNumber}} storniert',
  'Bestellung {{orderNumber}} wurde storniert. Grund: {{reason}}',
  '',
  '["orderNumber","reason"]', 0
),
(
  'payment_failed', 'sms', 'en',
  'Payment did not go through',
  '{{shopName}}: your payment of {{amount}} for order {{orderNumber}} did not go through. The order is still open.',
  '',
  '["shopName","amount","orderNumber"]', 0
),
(
  'payment_failed', 'push', 'en',
  'Payment did not go through',
  'Your payment of {{amount}} for order {{orderNumber}} did not go through. The order is still open.',
  '',
  '["amount","orderNumber"]', 0
),
(
  'payment_failed', 'sms', 'de',
  'Zahlung nicht gelungen',
  '{{shopName}}: Ihre Zahlung von {{amount}} für Bestellung {{orderNumber}} ist nicht gelungen. Die Bestellung ist noch offen.',
  '',
  '["shopName","amount","orderNumber"]', 0
),
(
  'payment_failed', 'push', 'de',
  'Zahlung nicht gelungen',
  'Ihre Zahlung von {{amount}} für Bestellung {{orderNumber}} ist nicht gelungen. Die Bestellung ist noch offen.',
  '',
  '["amount","orderNumber"]', 0
),
(
  'payment_refunded', 'sms', 'en',
  'Refund for order {{orderNumber}}',
  '{{shopName}}: refunded for order {{orderNumber}} so far: {{refunded}} of {{amount}}.',
  '',
  '["orderNumber","shopName","refunded","amount"]', 0
),
(
  'payment_refunded', 'push', 'en',
  'Refund for order {{orderNumber}}',
  'Refunded for order {{orderNumber}} so far: {{refunded}} of {{amount}}.',
  '',
  '["orderNumber","refunded","amount"]', 0
),
(
  'payment_refunded', 'sms', 'de',
  'Erstattung für Bestellung {{orderNumber}}',
  '{{shopName}}: bisher für Bestellung {{orderNumber}} erstattet: {{refunded}} von {{amount}}.',
  '',
  '["orderNumber","shopName","refunded","amount"]', 0
),
(
  'payment_refunded', 'push', 'de',
  'Erstattung für Bestellung {{orderNumber}}',
  'Bisher für Bestellung {{orderNumber}} erstattet: {{refunded}} von {{amount}}.',
  '',
  '["orderNumber","refunded","amount"]', 0
),
(
  'cart_reminder', 'sms', 'en',
  'Your cart',
  '{{shopName}}: you left goods for {{subtotal}} in your cart.',
  '',
  '["shopName","subtotal"]', 0
),
(
  'cart_reminder', 'push', 'en',
  'Your cart',
  'You left goods for {{subtotal}} in your cart.',
  '',
  '["subtotal"]', 0
),
(
  'cart_reminder', 'sms', 'de',
  'Ihr Warenkorb',
  '{{shopName}}: In Ihrem Warenkorb lag noch Ware für {{subtotal}}.',
  '',
  '["shopName","subtotal"]', 0
),
(
  'cart_reminder', 'push', 'de',
  'Ihr Warenkorb',
  'In Ihrem Warenkorb lag noch Ware für {{subtotal}}.',
  '',
  '["subtotal"]', 0
);
