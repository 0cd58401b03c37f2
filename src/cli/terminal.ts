/** What a command knows of the process that runs it. */
export interface Terminal {
  /** The folder in which the command is called. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prints one or several lines. */
  print(text: string): void;
}

/** A command of the program `nestjs-agentos`. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** The text that `--help` prints. */
  readonly help: string;
  /**
   * @returns the exit code
   * @throws CommandError if it cannot do its work
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** A command cannot do its work. The message is printed without the stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** The code of an error of Node. Not by `instanceof`: in tests, those come from another realm. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
