// Whether a failure tells its reader more than its kind.

/** The words of a text that say something, in lower case. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]{3,}/gu) ?? [];
}

/** Whether a problem's detail has words that its title has not: one sentence twice mends nothing. */
export function saysMore({ title, detail }: { readonly title: string; readonly detail: string }): boolean {
  const known = new Set(wordsOf(title));
  return wordsOf(detail).filter((word) => !known.has(word)).length >= 2;
}
