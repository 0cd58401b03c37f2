/** The server of one subject, in a process of its own: says where it listens, then how much CPU time it has used. */
import { agentOs } from './agent-os.mjs';
import { bareNest } from './bare-nest.mjs';
import { byHand } from './by-hand.mjs';
import { HOOK_COUNT } from './hooks.mjs';
import { listen } from './listen.mjs';
import { answerFor } from './outputs.mjs';

const MODULES = {
  bareNest,
  byHand10: byHand,
  os0: (answer) => agentOs({ engine: () => answer, hookCount: 0 }),
  os10: (answer) => agentOs({ engine: () => answer, hookCount: HOOK_COUNT }),
};

const [variant, adapter, size] = process.argv.slice(2);
const { url } = await listen(MODULES[variant](answerFor(Number(size))), adapter);
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.send({ url });
