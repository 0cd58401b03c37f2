/**
 * The runs of ASCII digits in a text, from left to right. Kept in typed arrays, since a text may have half a million:
 * an object for each would cost more than all the looking.
 */
export class DigitGroups {
  readonly text: string;
  /** How many there are. */
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

  /** Where a group begins in the text. */
  start(group: number): number {
    return this.#starts[group] as number;
  }

  /** Where it ends: the place after its last digit. */
  end(group: number): number {
    return this.#ends[group] as number;
  }

  /** How many digits it has. */
  size(group: number): number {
    return this.end(group) - this.start(group);
  }

  /** How many characters stand between a group and the one before it. */
  gapSize(group: number): number {
    return this.start(group) - this.end(group - 1);
  }

  /** What stands between a group and the one before it. */
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

/** @param unit - of a text; NaN outside it */
export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
