// Words that code, not a template, puts into a message, by language.
interface Words {
  /** How a mail begins. Without a name for an unproven reader. */
  readonly greeting: (name?: string) => string;
  /** Replaces `{{name}}` for an unproven reader. */
  readonly customer: string;
  readonly noTracking: string;
  readonly trackingNumber: string;
  readonly noReason: string;
  /** Stands after the lines that a message shows. */
  readonly moreLines: (left: number) => string;
  /** Replaces a buyer's own words for an unproven reader. */
  readonly buyersReason: string;
  /** Reason codes of orders and payments. Any other reason is free text. */
  readonly reasons: Readonly<Record<string, string>>;
}

const EN: Words = {
  greeting: (name) => (name === undefined ? "Hello" : `Hello ${name}`),
  customer: "customer",
  noTracking: "This shipment has no tracking number.",
  trackingNumber: "tracking number",
  noReason: "none given",
  moreLines: (left) => (left === 1 ? "and 1 more line" : `and ${String(left)} more lines`),
  buyersReason: "it was cancelled by the person who ordered",
  reasons: {
    payment_timeout: "it was not paid in time",
    payment_voided: "the payment was cancelled",
    too_many_declines: "too many cards were declined",
    insufficient_stock: "the goods are no longer in stock",
  },
};

const DE: Words = {
  greeting: (name) => (name === undefined ? "Guten Tag" : `Guten Tag ${name}`),
  customer: "Kundin oder Kunde",
  noTracking: "Diese Sendung hat keine Sendungsnummer.",
  trackingNumber: "Sendungsnummer",
  noReason: "keiner angegeben",
  moreLines: (left) => (left === 1 ? "und 1 weitere Position" : `und ${String(left)} weitere Positionen`),
  buyersReason: "sie wurde von der bestellenden Person storniert",
  reasons: {
    payment_timeout: "sie wurde nicht rechtzeitig bezahlt",
    payment_voided: "die Zahlung wurde abgebrochen",
    too_many_declines: "zu viele Karten wurden abgelehnt",
    insufficient_stock: "die Ware ist nicht mehr auf Lager",
    card_declined: "die Karte wurde abgelehnt",
    insufficient_funds: "das Konto ist nicht gedeckt",
  },
};

/** The language of a tag: `de` of `de-AT`. */
export function languageOf(locale: string): string {
  return (locale.split("-")[0] ?? locale).toLowerCase();
}

export function wordsOf(locale: string): Words {
  return languageOf(locale) === "de" ? DE : EN;
}
