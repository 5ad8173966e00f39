// The security headers of every answer to the world: the gateway's, and those of payments to Stripe's webhook.

export const SECURITY_HEADERS = {
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  // Shop pages of other origins show the product images.
  "cross-origin-resource-policy": "cross-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** For answers that no browser renders as a page. */
export const CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";
