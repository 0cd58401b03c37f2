/** How many values an attribute of a metric may have: each adds a time series, and models can make up names of tools. */
const MOST_NAMES = 500;

/** The value for all further names. */
const OTHER = '_OTHER';

/** Names that attributes of metrics may have: the first that were seen. */
export class BoundedNames {
  readonly #known = new Set<string>();

  /** The name, or one for all others. */
  of(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= MOST_NAMES) return OTHER;
    this.#known.add(name);
    return name;
  }
}
