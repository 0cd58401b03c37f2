import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { configuration } from './configuration.mjs';
import { endedHooks } from './counted-hooks.mjs';

const collectGarbage = configuration.memory ? exposeGarbageCollection() : () => undefined;

/**
 * Tells the benchmark which requests this server answers, then what it has used and how many hooks have ended, each time it
 * is asked.
 *
 * @param greeting - `requests`: the URL, headers and body of each request by its name; `token`: the text of an event with a
 *   token
 */
export function serve(greeting) {
  process.on('message', () => process.send(state()));
  process.on('disconnect', () => process.exit());
  process.send(greeting);
}

function state() {
  collectGarbage();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    processorMicros: user + system,
    residentBytes: rss,
    heapBytes: heapUsed + external,
    endedHooks: endedHooks(),
  };
}

function exposeGarbageCollection() {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}
