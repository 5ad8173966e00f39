// The Workers of a production shop by name. Every other list of them is made from these.

/** The Workers behind the gateway. Each has a database, an outbox and an RPC contract. */
export const DOMAIN_WORKERS = ["accounts", "catalog", "orders", "payments", "inventory", "notifications"] as const;
export type DomainWorker = (typeof DOMAIN_WORKERS)[number];

export const PRODUCTION_WORKERS = ["gateway", ...DOMAIN_WORKERS] as const;
export type ProductionWorker = (typeof PRODUCTION_WORKERS)[number];
