// Whose goods an order is made of.

/** The one vendor who sells all the lines; null when they are the shop's own, or of several. */
export function sellerOfAll(vendorIds: readonly (string | null)[]): string | null {
  const [first = null] = vendorIds;
  return vendorIds.every((vendorId) => vendorId === first) ? first : null;
}
