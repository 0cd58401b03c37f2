import type { TestApp } from './test-app.js';

/** An application that has begun to shut down: its server takes no more connections. */
export class Shutdown {
  private constructor(readonly ended: Promise<void>) {}

  static async begin({ app, url }: TestApp, onEnd: () => void): Promise<Shutdown> {
    const ended = app.close().then(onEnd);
    while (await isListening(url)) continue;
    return new Shutdown(ended);
  }
}

async function isListening(url: string): Promise<boolean> {
  return fetch(url, { headers: { connection: 'close' } }).then(
    () => true,
    () => false,
  );
}
