import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { closeApps, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

const isInstalled = spawnSync('nginx', ['-v']).status === 0;
const isTested = isInstalled || process.env['CI'] !== undefined;

let folder: string | undefined;
let nginx: ChildProcess | undefined;
afterEach(async () => {
  if (nginx?.kill() === true) await once(nginx, 'exit');
  if (folder !== undefined) await rm(folder, { recursive: true });
  await closeApps();
});

/** Starts nginx as most hosts have it: it buffers answers and compresses everything. */
async function startNginx(upstream: string): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${name};`,
  );
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; pid nginx.pid; error_log stderr; events {}
     http {
       access_log off; ${temporary.join(' ')}
       gzip on; gzip_proxied any; gzip_min_length 0; gzip_types *;
       server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; proxy_http_version 1.1; } }
     }`,
  );
  nginx = spawn('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  );
  return url;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describeWherePossible(
  isTested,
  'A stream through an nginx that buffers and compresses',
  'install nginx',
  () => {
    it('arrives piece by piece, not at its end', async () => {
      const firstPieceRead = createGate();
      const talker = new Agent({
        id: 'talker',
        engine: async function* () {
          yield 'first ';
          await firstPieceRead.opened;
          yield 'second';
        },
      });
      const { url } = await startApp({ agentOs: { agents: [talker] } });
      const proxy = await startNginx(url);
      const body = new URLSearchParams({ message: 'hi' });
      const response = await fetch(`${proxy}/agents/talker/runs`, { method: 'POST', body });
      const decoder = new TextDecoder();
      let received = '';
      for await (const chunk of response.body ?? []) {
        received += decoder.decode(chunk as Uint8Array, { stream: true });
        // The engine goes on only if the client has read what it said first.
        if (received.includes('first ')) firstPieceRead.open();
      }
      expect(received).toContain('first second');
    });
  },
);
