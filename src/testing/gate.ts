/** A promise that a test opens, so that the order of things is decided and never guessed with a sleep. */
export interface Gate {
  /** Resolves when the gate is open. */
  readonly opened: Promise<void>;
  /** Opens the gate, for good. */
  open(): void;
}

/**
 * A gate that is shut.
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
