/** Data of the server in the components of the page, kept up to date. */
import { useCallback, useEffect, useState } from './htm-preact.js';
import { call, readEvents, RequestError } from './server.js';

/** Milliseconds between two reads while changes come in. */
const READ_INTERVAL = 1_000;
/** Milliseconds after which data are read without a change: other processes change them, too. */
const IDLE_INTERVAL = 10_000;
/** Milliseconds until a lost stream is opened again. */
const RECONNECT_INTERVAL = 2_000;

const listeners = new Set();
let isConnected = false;

/** Follows the stream of changes as long as the page is open. */
export async function followChanges(onProblem) {
  for (;;) {
    try {
      await readEvents('hooks/changes', {}, () => {
        isConnected = true;
        for (const listener of listeners) listener();
      });
    } catch (error) {
      if (error instanceof RequestError && error.needsKey) return onProblem(error);
    }
    isConnected = false;
    for (const listener of listeners) listener();
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_INTERVAL));
  }
}

/** Whether the stream of changes is open. */
export function useConnection() {
  const [value, setValue] = useState(isConnected);
  useEffect(() => {
    const listener = () => setValue(isConnected);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return value;
}

/**
 * The JSON of a path, read again when runs or hooks change.
 *
 * @param interval - milliseconds between two reads while changes come in: more for what is large or changes rarely
 * @returns {{ data?: any, error?: Error, reload: () => void }}
 */
export function useData(path, interval = READ_INTERVAL) {
  const [state, setState] = useState({});
  const [version, setVersion] = useState(0);
  const reload = useCallback(() => setVersion((known) => known + 1), []);

  useEffect(() => {
    const controller = new AbortController();
    let timer;
    let isReading = false;
    let isStale = false;

    async function read() {
      if (isReading) return void (isStale = true);
      isReading = true;
      isStale = false;
      try {
        const data = await call(path, { signal: controller.signal });
        if (!controller.signal.aborted) setState({ path, data });
      } catch (error) {
        if (!controller.signal.aborted) setState((known) => ({ ...known, path, error }));
      }
      isReading = false;
      if (!controller.signal.aborted) schedule(isStale ? interval : Math.max(interval, IDLE_INTERVAL));
    }
    function schedule(delay) {
      clearTimeout(timer);
      timer = setTimeout(read, delay);
    }
    function changed() {
      if (isStale) return;
      isStale = true;
      if (!isReading) schedule(interval);
    }

    listeners.add(changed);
    void read();
    return () => {
      listeners.delete(changed);
      controller.abort();
      clearTimeout(timer);
    };
  }, [path, version]);

  return { ...(state.path === path ? state : {}), reload };
}
