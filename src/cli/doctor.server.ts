import { z } from 'zod';

import { WireHook } from '../protocol/hooks.js';
import { ok, wrong, type Finding } from './finding.js';
import { ServerClient } from './server.client.js';
import { CommandError } from './terminal.js';

/** The part of the answer of `GET /health` that says that AgentOS has given it. */
const Health = z.object({ status: z.literal('ok'), instantiated_at: z.string() });

/** Checks the routes of a running server. */
export async function checkServer(url: string, key: string | undefined): Promise<Finding[]> {
  try {
    const server = new ServerClient(url, key);
    const { instantiated_at: start } = await server.get('health', Health);
    const hooks = await server.get('hooks', z.array(WireHook));
    const attached = hooks.flatMap(({ attachment }) => attachment ?? []);
    const background = attached.filter(({ mode }) => mode === 'background').length;
    return [
      ok(`routes: ${url} runs since ${start}`),
      ok(`routes: ${attached.length - background} hooks inline, ${background} in the background`),
    ];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [wrong(`routes: ${error.message}`)];
  }
}
