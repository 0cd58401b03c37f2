import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import { describe, expect, it } from '@jest/globals';

import { checkRefusedHosts, takeRefusedHosts } from '../../support/loopback.js';

describe('A connection of a test', () => {
  it.each(['http://192.0.2.1/', 'http://[2001:db8::1]/', 'https://agents.example/'])(
    'to another machine is refused: %s',
    async (url) => {
      await expect(fetch(url)).rejects.toThrow('fetch failed');
      expect(takeRefusedHosts()).toEqual([new URL(url).hostname.replace(/[[\]]/g, '')]);
    },
  );

  it('to a port of another machine is refused, and fails the test', async () => {
    const [error] = (await once(connect(5432, 'database.example').unref(), 'close').catch(
      (thrown: unknown) => [thrown],
    )) as [unknown];
    expect(error).toMatchObject({ message: 'Tests use no network: database.example is not this machine.' });
    expect(checkRefusedHosts).toThrow('The test tried to connect to database.example. Tests use no network.');
  });

  it.each(['127.0.0.1', 'localhost'])('to %s is made', async (host) => {
    const server = createServer((_, response) => response.end('fine')).listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://${host}:${port}`)).text()).toBe('fine');
    server.closeAllConnections();
    server.close();
  });
});
