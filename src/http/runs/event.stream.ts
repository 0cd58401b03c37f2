import { PassThrough, type Readable } from 'node:stream';

const HEARTBEAT_INTERVAL = 15_000;

/**
 * The body of an event stream. Writing waits for a slow reader, so that memory stays bounded; once the reader has
 * left, writing does nothing, so that the run can go on.
 */
export class EventStream {
  readonly #out = new PassThrough();
  readonly #heartbeat: NodeJS.Timeout;

  constructor() {
    // A reader that leaves destroys the stream in the middle of a write; that is not an error of the run.
    this.#out.on('error', () => this.abandon());
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_INTERVAL).unref();
  }

  get readable(): Readable {
    return this.#out;
  }

  /** Resolves when the reader can take more, or has left. */
  write(text: string): Promise<void> | undefined {
    if (text === '' || !this.#out.writable) return undefined;
    this.#heartbeat.refresh();
    if (this.#out.write(text)) return undefined;
    return new Promise((resolve) => {
      const resume = (): void => {
        this.#out.off('drain', resume);
        this.#out.off('close', resume);
        resolve();
      };
      this.#out.on('drain', resume);
      this.#out.on('close', resume);
    });
  }

  end(): void {
    clearInterval(this.#heartbeat);
    this.#out.end();
  }

  /** Whether the reader accepts no more data at the moment. */
  get isStalled(): boolean {
    return this.#out.writableNeedDrain;
  }

  /** Called when the stream has no reader any more. */
  abandon(): void {
    clearInterval(this.#heartbeat);
    this.#out.destroy();
  }

  /** A comment, which readers skip: proxies and clients close connections that are silent for long. */
  #beat(): void {
    if (this.#out.writable && !this.#out.writableNeedDrain) this.#out.write(': heartbeat\n\n');
  }
}
