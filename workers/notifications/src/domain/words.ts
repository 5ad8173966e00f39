// The words that code puts into a message, by language: templates hold all the rest.
interface Words {
  readonly noTracking: string;
  readonly trackingNumber: string;
  readonly noReason: string;
  /** Codes that orders and payments give as reasons. Anything else is a person's own text. */
  readonly reasons: Readonly<Record<string, string>>;
}

const EN: Words = {
  noTracking: "This shipment has no tracking number.",
  trackingNumber: "tracking number",
  noReason: "none given",
  reasons: {
    payment_timeout: "it was not paid in time",
    payment_voided: "the payment was cancelled",
    too_many_declines: "too many cards were declined",
    insufficient_stock: "the goods are no longer in stock",
  },
};

const DE: Words = {
  noTracking: "Diese Sendung hat keine Sendungsnummer.",
  trackingNumber: "Sendungsnummer",
  noReason: "keiner angegeben",
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
