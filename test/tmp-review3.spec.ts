import { afterEach, expect, it, describe } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { createGate } from './support/gate.js';
import { closeApps, startApp } from './support/test-app.js';
import { AgentOsRuntime } from '../src/agent-os.runtime.js';
import { request } from 'node:http';

const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
const form = (f: Record<string, string>) => new URLSearchParams(f);
it.each(['plain', 'resume-undici', 'resume-raw', 'none'])('T11 %s', async (mode) => {
  const g = createGate(); const st = createGate();
  const a = new Agent({ id: 'a', engine: async function* () { for (let i = 0; i < 300; i++) yield 'y'.repeat(2000); st.open(); await g.opened; yield 'z'; } });
  const served = await startApp({ adapter: 'fastify', agentOs: { agents: [a] } as any });
  const { url, port } = served;
  const runtime = (served.app as any).get(AgentOsRuntime, { strict: false });
  const conns = new Set<any>();
  served.app.getHttpServer().on('connection', (s: any) => { conns.add(s); s.on('close', () => conns.delete(s)); });
  const r = await (await fetch(`${url}/agents/a/runs`, { method: 'POST', body: form({ message: 'one', stream: 'false', background: 'true', session_id: 's1' }) })).json() as any;
  await st.opened;
  if (mode === 'resume-undici' || mode === 'plain') {
    const ac = new AbortController();
    const path = mode === 'plain' ? `/agents/a/runs` : `/agents/a/runs/${r.run_id}/resume`;
    const res = await fetch(`${url}${path}`, { method: 'POST', body: form({ session_id: 's1', message: 'x' }), signal: ac.signal });
    await res.body!.getReader().read(); await sleep(100); ac.abort();
  } else if (mode === 'resume-raw') {
    const body = 'session_id=s1';
    const q = request({ port, path: `/agents/a/runs/${r.run_id}/resume`, method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }, agent: false });
    q.on('error', () => 0); q.end(body);
    await new Promise<void>((res) => q.once('response', (m: any) => { m.on('error', () => 0); m.once('data', () => { m.pause(); res(); }); }));
    await sleep(100); q.destroy();
  }
  await sleep(300); g.open(); await sleep(300);
  const t0 = Date.now();
  const closed = await Promise.race([served.close().then(() => 'closed'), sleep(8000).then(() => 'HANGS')]);
  console.log('T11', mode, closed, Date.now() - t0, 'conns', conns.size, 'inflight', runtime.inFlight.size);
  for (const c of conns) c.destroy();
}, 14000);
