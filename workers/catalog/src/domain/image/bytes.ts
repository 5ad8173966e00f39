// Shared by the readers of picture formats.

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The ASCII text of `length` bytes at `offset`: the name of a box or chunk. */
export function asciiAt(view: DataView, offset: number, length: number): string {
  let text = "";
  for (let index = 0; index < length; index += 1) text += String.fromCodePoint(view.getUint8(offset + index));
  return text;
}
