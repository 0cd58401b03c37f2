import { Socket } from 'node:net';

import { afterAll, afterEach } from '@jest/globals';

/** A host or an address of this machine. */
const LOOPBACK = /^(?:localhost|(?:.+\.)?localhost|127\.[\d.]+|0\.0\.0\.0|::|::1|::ffff:127\.[\d.]+)$/i;

let refused: string[] = [];

/** The hosts outside of this machine to which connections were refused since the last call. */
export function takeRefusedHosts(): readonly string[] {
  const hosts = refused;
  refused = [];
  return hosts;
}

/** @throws if the test has tried to leave this machine: the code under test may hide the refusal */
export function checkRefusedHosts(): void {
  const hosts = takeRefusedHosts();
  if (hosts.length > 0)
    throw new Error(`The test tried to connect to ${hosts.join(', ')}. Tests use no network.`);
}

const { connect } = Socket.prototype;
Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
  const host = hostOf(args);
  if (LOOPBACK.test(host)) return Reflect.apply(connect, this, args) as Socket;
  refused.push(host);
  // The caller adds its listeners first.
  setImmediate(() => this.destroy(new Error(`Tests use no network: ${host} is not this machine.`)));
  return this;
};

afterEach(checkRefusedHosts);
// The next spec in this process has a module of its own.
afterAll(() => {
  Socket.prototype.connect = connect;
});

/** Of the arguments of `socket.connect()`, which Node also hands over as one array. */
function hostOf([first, second]: readonly unknown[]): string {
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null) return hostIn(first);
  // A path of a socket in the file system, or a port and perhaps a host.
  return Number.isNaN(Number(first)) || typeof second !== 'string' ? 'localhost' : second;
}

function hostIn({ host, path }: { readonly host?: string | null; readonly path?: string | null }): string {
  return path === undefined || path === null ? (host ?? 'localhost') : 'localhost';
}
