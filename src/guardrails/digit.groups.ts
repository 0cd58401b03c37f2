/**
 * The sequences of ASCII digits in a text, from left to right. Stored in typed arrays, since a text may have half a
 * million: an object for each would cost more than the whole search.
 */
export class DigitGroups {
  readonly text: string;
  /** The number of groups. */
  readonly count: number;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;

  constructor(text: string) {
    this.text = text;
    this.count = countGroups(text);
    this.#starts = new Uint32Array(this.count);
    this.#ends = new Uint32Array(this.count);
    let group = 0;
    let isInside = false;
    for (let at = 0; this.count > 0 && at < text.length; at++) {
      if (isDigit(text.charCodeAt(at)) === isInside) continue;
      if (isInside) this.#ends[group++] = at;
      else this.#starts[group] = at;
      isInside = !isInside;
    }
    if (isInside) this.#ends[group] = text.length;
  }

  /** The index of a group's first digit in the text. */
  start(group: number): number {
    return this.#starts[group] as number;
  }

  /** The index after a group's last digit. */
  end(group: number): number {
    return this.#ends[group] as number;
  }

  /** The number of digits in a group. */
  size(group: number): number {
    return this.end(group) - this.start(group);
  }

  /** The number of characters between a group and the previous one. */
  gapSize(group: number): number {
    return this.start(group) - this.end(group - 1);
  }

  /** The text between a group and the previous one. */
  gap(group: number): string {
    return this.text.slice(this.end(group - 1), this.start(group));
  }
}

function countGroups(text: string): number {
  let count = 0;
  let isInside = false;
  for (let at = 0; at < text.length; at++) {
    const isOfGroup = isDigit(text.charCodeAt(at));
    if (isOfGroup && !isInside) count += 1;
    isInside = isOfGroup;
  }
  return count;
}

/** @param unit - a UTF-16 code unit; NaN outside the text */
export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
