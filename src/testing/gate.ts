/** A promise that a test resolves, to control the order of events without a sleep. */
export interface Gate {
  /** Resolves when the gate is open. */
  readonly opened: Promise<void>;
  /** Opens the gate, for good. */
  open(): void;
}

/**
 * Creates a closed gate.
 *
 * @example
 * ```ts
 * const gate = createGate();
 * const slow = defineHook(() => gate.opened, { name: 'slow', runInBackground: true });
 * // … the run has been answered, the hook waits …
 * gate.open();
 * ```
 */
export function createGate(): Gate {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
