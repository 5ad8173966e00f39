// Four-character codes: what boxes and chunks are called by.

/** The ASCII text of `length` bytes at `offset`. */
export function asciiAt(view: DataView, offset: number, length: number): string {
  let text = "";
  for (let index = 0; index < length; index += 1) text += String.fromCodePoint(view.getUint8(offset + index));
  return text;
}
