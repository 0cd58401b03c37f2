/** The load generator, in a process of its own. */
import { pace } from './pace.mjs';
import { readStreams } from './read-streams.mjs';
import { saturate, sendTo } from './saturate.mjs';

const LOADS = { send: sendTo, saturate, pace, readStreams };

process.on('message', async ({ load, ...options }) => {
  try {
    process.send(await LOADS[load](options));
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
