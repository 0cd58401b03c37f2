/** `Object.assign()` for untrusted data: `__proto__` is an ordinary key. */
export function assignOwn(
  target: Record<string, unknown>,
  source: Readonly<Record<string, unknown>> | undefined,
): void {
  if (source === undefined) return;
  for (const key of Object.keys(source)) {
    if (key === '__proto__')
      Object.defineProperty(target, key, {
        value: source[key],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    else target[key] = source[key];
  }
}
