import type { LoggerService } from '@nestjs/common';

export interface LogEntry {
  readonly level: 'log' | 'warn' | 'error';
  readonly message: string;
  readonly stack: string | undefined;
}

/** Keeps what was logged, for assertions, and prints nothing. */
export class RecordingLogger implements LoggerService {
  readonly entries: LogEntry[] = [];

  log(message: unknown): void {
    this.#add('log', message);
  }

  warn(message: unknown): void {
    this.#add('warn', message);
  }

  error(message: unknown, stack?: unknown): void {
    this.#add('error', message, typeof stack === 'string' ? stack : undefined);
  }

  /** The messages of a level. */
  messages(level: LogEntry['level']): string[] {
    return this.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  }

  #add(level: LogEntry['level'], message: unknown, stack?: string): void {
    this.entries.push({ level, message: String(message), stack });
  }
}
