/** Throws whatever it is given, where an expression is wanted. */
export function raise(thrown: unknown): never {
  throw thrown;
}
