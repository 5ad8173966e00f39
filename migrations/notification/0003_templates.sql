-- The shop's mails in English. Each variable is filled by workers/notifications/src/domain/messages.ts.
INSERT INTO templates (kind, channel, locale, subject, text_body, html_body, variables, updated_at) VALUES
(
  'order_received', 'email', 'en',
  'Order {{orderNumber}} received',
  'Hello {{name}},

thank you for your order {{orderNumber}} at {{shopName}}.

{{lines}}

Subtotal: {{subtotal}}
Shipping: {{shipping}}
Total: {{total}}

We write again as soon as it is paid.',
  '<p>Hello {{name}},</p>
<p>thank you for your order <strong>{{orderNumber}}</strong> at {{shopName}}.</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>Subtotal: {{subtotal}}<br>Shipping: {{shipping}}<br><strong>Total: {{total}}</strong></p>
<p>We write again as soon as it is paid.</p>',
  '["name","orderNumber","shopName","lines","subtotal","shipping","total"]', 0
),
(
  'payment_received', 'email', 'en',
  'Payment received for order {{orderNumber}}',
  'Hello {{name}},

your payment of {{total}} for order {{orderNumber}} is in order and the goods are reserved for you.

{{lines}}

We write again when they are on their way.
{{shopName}}',
  '<p>Hello {{name}},</p>
<p>your payment of <strong>{{total}}</strong> for order <strong>{{orderNumber}}</strong> is in order and the goods are reserved for you.</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>We write again when they are on their way.<br>{{shopName}}</p>',
  '["name","orderNumber","shopName","lines","total"]', 0
),
(
  'order_shipped', 'email', 'en',
  'Order {{orderNumber}} is on its way',
  'Hello {{name}},

order {{orderNumber}} has left our warehouse.

{{tracking}}

{{lines}}

{{shopName}}',
  '<p>Hello {{name}},</p>
<p>order <strong>{{orderNumber}}</strong> has left our warehouse.</p>
<p style="white-space: pre-line">{{tracking}}</p>
<p style="white-space: pre-line">{{lines}}</p>
<p>{{shopName}}</p>',
  '["name","orderNumber","shopName","lines","tracking"]', 0
),
(
  'order_delivered', 'email', 'en',
  'Order {{orderNumber}} has been delivered',
  'Hello {{name}},

order {{orderNumber}} has been delivered. Thank you for buying at {{shopName}}.',
  '<p>Hello {{name}},</p>
<p>order <strong>{{orderNumber}}</strong> has been delivered. Thank you for buying at {{shopName}}.</p>',
  '["name","orderNumber","shopName"]', 0
),
(
  'order_cancelled', 'email', 'en',
  'Order {{orderNumber}} has been cancelled',
  'Hello {{name}},

order {{orderNumber}} over {{total}} has been cancelled.
Reason: {{reason}}

What you have paid for it goes back to you; we write again when it does.
{{shopName}}',
  '<p>Hello {{name}},</p>
<p>order <strong>{{orderNumber}}</strong> over {{total}} has been cancelled.<br>Reason: {{reason}}</p>
<p>What you have paid for it goes back to you; we write again when it does.<br>{{shopName}}</p>',
  '["name","orderNumber","shopName","total","reason"]', 0
),
(
  'payment_refunded', 'email', 'en',
  'Refund for order {{orderNumber}}',
  'Hello {{name}},

we have refunded your payment for order {{orderNumber}}. Refunded so far: {{refunded}} of {{amount}}.
Your bank may take some days to show it.
{{shopName}}',
  '<p>Hello {{name}},</p>
<p>we have refunded your payment for order <strong>{{orderNumber}}</strong>. Refunded so far: <strong>{{refunded}}</strong> of {{amount}}.</p>
<p>Your bank may take some days to show it.<br>{{shopName}}</p>',
  '["name","orderNumber","shopName","refunded","amount"]', 0
),
(
  'payment_failed', 'email', 'en',
  'Payment for order {{orderNumber}} did not go through',
  'Hello {{name}},

your payment of {{amount}} for order {{orderNumber}} did not go through.
Reason: {{reason}}

The order is still open: please try again or take another card.
{{shopName}}',
  '<p>Hello {{name}},</p>
<p>your payment of <strong>{{amount}}</strong> for order <strong>{{orderNumber}}</strong> did not go through.<br>Reason: {{reason}}</p>
<p>The order is still open: please try again or take another card.<br>{{shopName}}</p>',
  '["name","orderNumber","shopName","amount","reason"]', 0
),
(
  'low_stock', 'email', 'en',
  'Low stock: {{productName}} ({{sku}})',
  '{{productName}} ({{sku}}) is down to {{available}}; the threshold is {{threshold}}.

Product: {{productId}}
{{shopName}}',
  '<p><strong>{{productName}}</strong> ({{sku}}) is down to <strong>{{available}}</strong>; the threshold is {{threshold}}.</p>
<p>Product: {{productId}}<br>{{shopName}}</p>',
  '["productName","sku","available","threshold","productId","shopName"]', 0
),
(
  'welcome', 'email', 'en',
  'Welcome to {{shopName}}',
  'Hello {{name}},

your account at {{shopName}} is ready. You sign in with {{email}}.',
  '<p>Hello {{name}},</p>
<p>your account at {{shopName}} is ready. You sign in with {{email}}.</p>',
  '["name","email","shopName"]', 0
);
