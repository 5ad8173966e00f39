/** The words of three letters or more, in lower case. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]{3,}/gu) ?? [];
}

/** Whether the detail of a problem says more than its title: it has at least two words that the title lacks. */
export function saysMore({ title, detail }: { readonly title: string; readonly detail: string }): boolean {
  const known = new Set(wordsOf(title));
  return wordsOf(detail).filter((word) => !known.has(word)).length >= 2;
}
