// The countries that the shop sends text messages to. Texts abroad can cost many times more, and fraudsters who own premium numbers
// have codes sent there to earn a share of the price.

/** Calling prefixes of countries (ITU-T E.164). SMS_COUNTRIES names other countries by their prefix, for example `+971`. */
const PREFIXES: Readonly<Record<string, string>> = Object.fromEntries(
  `AT:+43 AU:+61 BE:+32 BG:+359 CA:+1 CH:+41 CY:+357 CZ:+420 DE:+49 DK:+45 EE:+372 ES:+34 FI:+358 FR:+33 GB:+44 GR:+30 HR:+385
  HU:+36 IE:+353 IS:+354 IT:+39 JP:+81 LI:+423 LT:+370 LU:+352 LV:+371 MT:+356 NL:+31 NO:+47 NZ:+64 PL:+48 PT:+351 RO:+40 SE:+46 SI:+386 SK:+421 US:+1`
    .split(/\s+/)
    .map((entry) => entry.split(":") as [string, string]),
);

/** Area codes of +1 that are premium (900) or outside the mainland United States and Canada (https://www.nanpa.com). */
const OTHER_AREA_CODES = new Set(
  `242 246 264 268 284 340 345 441 473 649 658 664 670 671 684 721 758 767 784 787 809 829 849 868 869 876 900 939`.split(
    " ",
  ),
);

/**
 * Whether texts to a number cost the country's usual price. A leading zero is refused: a provider may drop it, and one phone would
 * then have two ceilings. British numbers from 70 on are premium.
 */
function isUsual(prefix: string, national: string): boolean {
  if (national.startsWith("0") || (prefix === "+44" && national.startsWith("70"))) return false;
  return prefix !== "+1" || !OTHER_AREA_CODES.has(national.slice(0, 3));
}

/**
 * Whether the shop sends text messages to a number.
 * @param setting SMS_COUNTRIES: ISO 3166 codes and calling prefixes, separated by commas.
 * @throws naming an entry that is neither.
 */
export function isSmsDestination(phone: string, setting: string): boolean {
  const entries = setting
    .split(",")
    .map((entry) => entry.trim().toUpperCase())
    .filter((entry) => entry !== "");
  return entries.some((entry) => {
    if (/^\+[1-9]\d{0,6}$/.test(entry)) return phone.startsWith(entry);
    const prefix = Object.hasOwn(PREFIXES, entry) ? PREFIXES[entry] : undefined;
    if (prefix === undefined)
      throw new Error(`SMS_COUNTRIES: ${entry} is neither a known country nor a calling prefix`);
    return phone.startsWith(prefix) && isUsual(prefix, phone.slice(prefix.length));
  });
}
