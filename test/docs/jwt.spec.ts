import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWTPayload,
} from 'jose';

import { IssuerKeys, JwtModule } from '../../docs/examples/jwt.js';
import { protocolRoutes } from '../support/protocol-routes.js';
import { ADAPTERS, closeApps, shareApp, startApp } from '../support/test-app.js';

afterEach(closeApps);

interface Keys {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

let issuer: Keys;
let stranger: Keys;
let keySet: ReturnType<typeof createLocalJWKSet>;

beforeAll(async () => {
  issuer = await generateKeyPair('RS256', { extractable: true });
  stranger = await generateKeyPair('RS256');
  keySet = createLocalJWKSet({ keys: [{ ...(await exportJWK(issuer.publicKey)), kid: 'current' }] });
});

const NOW = Math.floor(Date.now() / 1_000);
const CLAIMS: JWTPayload = {
  iss: 'https://login.example.com/',
  aud: 'agent-os',
  sub: 'ann',
  exp: NOW + 600,
  scopes: ['agents:read', 'agents:run'],
};

/** A valid token with the given claims changed; `undefined` leaves a claim out. */
function tokenWith(claims: JWTPayload = {}, key: CryptoKey = issuer.privateKey): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'current' }).sign(key);
}

describe.each(ADAPTERS)('The guard for JSON Web Tokens, on %s,', (adapter) => {
  async function start(find: unknown = keySet) {
    const app = await startApp({
      adapter,
      agentOsModule: { module: JwtModule },
      override: (builder) => builder.overrideProvider(IssuerKeys).useValue({ find }),
    });
    const send = async (method: string, path: string, token?: string, form?: Record<string, string>) => {
      const response = await fetch(`${app.url}${path}`, {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        ...(form ? { body: new URLSearchParams({ stream: 'false', ...form }) } : {}),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    };
    return { ...app, send };
  }

  const shared = shareApp(() => start());

  it('accepts a request with a valid token, and takes the user from it', async () => {
    const { send } = await start();
    const form = { message: 'Hi', user_id: 'bob' };
    expect(await send('POST', '/agents/support/runs', await tokenWith(), form)).toMatchObject({
      status: 200,
      body: { content: 'You asked: Hi', user_id: 'ann' },
    });
    expect(await send('GET', '/agents', await tokenWith({ aud: ['other', 'agent-os'] }))).toMatchObject({
      status: 200,
    });
  });

  it('tells clients that tokens are needed', async () => {
    const { send } = shared();
    expect(await send('GET', '/info')).toMatchObject({ status: 200, body: { auth_mode: 'jwt' } });
  });

  const claims = Buffer.from(JSON.stringify(CLAIMS)).toString('base64url');
  it.each<[string, string, () => Promise<string | undefined> | string]>([
    ['no token', 'Authorization header missing', async () => undefined],
    ['two tokens', 'Authorization header missing', async () => `${await tokenWith()} ${await tokenWith()}`],
    ['no token but a text', 'Invalid token', () => 'key'],
    ['an expired token', 'Token has expired', () => tokenWith({ exp: NOW - 60 })],
    ['a token that never expires', 'Invalid token', () => tokenWith({ exp: undefined })],
    ['a token for another server', 'Invalid token', () => tokenWith({ aud: 'other' })],
    ['a token for anybody', 'Invalid token', () => tokenWith({ aud: undefined })],
    ['a token of another issuer', 'Invalid token', () => tokenWith({ iss: 'https://evil.example.com/' })],
    ['a token of nobody', 'Invalid token', () => tokenWith({ sub: undefined })],
    ['a token of an empty name', 'Invalid token', () => tokenWith({ sub: '' })],
    ['a token that is not valid yet', 'Invalid token', () => tokenWith({ nbf: NOW + 60 })],
    ['a token that somebody else has signed', 'Invalid token', () => tokenWith({}, stranger.privateKey)],
    ['a token that is not signed', 'Invalid token', () => new UnsecuredJWT(CLAIMS).encode()],
    [
      'a token whose signature is cut off',
      'Invalid token',
      async () => `${(await tokenWith()).split('.')[0]}.${claims}.`,
    ],
    [
      'a token that its issuer has signed with another algorithm',
      'Invalid token',
      async () => {
        const key = await importJWK(await exportJWK(issuer.privateKey), 'PS256');
        return new SignJWT(CLAIMS).setProtectedHeader({ alg: 'PS256', kid: 'current' }).sign(key);
      },
    ],
    [
      'a token that is signed with the public key as a secret',
      'Invalid token',
      async () => {
        const { n = '' } = await exportJWK(issuer.publicKey);
        const token = new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', kid: 'current' });
        return token.sign(Buffer.from(n, 'base64url'));
      },
    ],
  ])('refuses %s with 401: %s', async (_, detail, token) => {
    const { send } = shared();
    expect(await send('GET', '/agents', await token())).toEqual({ status: 401, body: { detail } });
  });

  it('does not blame the client if the keys cannot be fetched', async () => {
    const { send, log } = await start(() => Promise.reject(new TypeError('fetch failed')));
    expect(await send('GET', '/agents', await tokenWith())).toEqual({
      status: 500,
      body: { detail: 'Internal Server Error' },
    });
    expect(log.messages('error')).toEqual(['An AgentOS route failed: fetch failed']);
  });

  it.each<[string, string, string]>([
    ['GET', '/agents', 'agents:read'],
    ['GET', '/agents/support', 'agents:read'],
    ['POST', '/agents/support/runs', 'agents:run'],
    ['POST', '/agents/%73upport/runs', 'agents:run'],
    ['GET', '/teams', 'teams:read'],
    ['POST', '/workflows/x/runs', 'workflows:run'],
    ['GET', '/config', 'config:read'],
    ['GET', '/models', 'config:read'],
    ['GET', '/sessions', 'sessions:read'],
    ['POST', '/sessions', 'sessions:write'],
    ['DELETE', '/sessions/x', 'sessions:delete'],
    ['GET', '/eval-runs', 'evals:read'],
    ['GET', '/hooks/executions', 'hooks:read'],
  ])('demands at %s %s the scope %s', async (method, path, scope) => {
    const { send } = shared();
    const detail = `Insufficient permissions. Required scope(s): ${scope}`;
    const others = ['agents', 'teams', 'workflows', 'sessions', 'config', 'evals', 'hooks']
      .flatMap((resource) => ['read', 'run', 'write', 'delete'].map((action) => `${resource}:${action}`))
      .filter((other) => other !== scope);
    expect(await send(method, path, await tokenWith({ scopes: others }))).toEqual({
      status: 403,
      body: { detail },
    });
    for (const scopes of [[scope], `x ${scope}`, scope.replace(':', ':*:'), 'agent_os:admin']) {
      expect((await send(method, path, await tokenWith({ scopes }))).status).not.toBe(403);
    }
  });

  it('accepts a token without scopes on the open routes only', async () => {
    const { send } = shared();
    const token = await tokenWith({ scopes: undefined });
    const statuses = protocolRoutes().map(async ({ method, path }) => {
      const { status } = await send(method, path, token);
      return status === 403 ? [] : [path];
    });
    expect((await Promise.all(statuses)).flat()).toEqual(['/health', '/info']);
  });

  it('accepts a scope of one agent for that agent only', async () => {
    const { send } = await start();
    const token = await tokenWith({ scopes: 'agents:support:run' });
    const form = { message: 'Hi' };
    expect((await send('POST', '/agents/support/runs', token, form)).status).toBe(200);
    expect((await send('POST', '/agents/%73upport/runs', token, form)).status).toBe(200);
    expect((await send('POST', '/agents/billing/runs', token, form)).status).toBe(403);
    expect((await send('GET', '/agents/support', token)).status).toBe(403);
    expect((await send('GET', '/agents', token)).status).toBe(403);
  });

  it('keeps the sessions of users apart', async () => {
    const { send } = await start();
    const scopes = ['agents:run', 'sessions:read', 'sessions:delete'];
    const ann = await tokenWith({ scopes });
    const bob = await tokenWith({ scopes, sub: 'bob' });
    const run = (token: string) =>
      send('POST', '/agents/support/runs', token, { message: 'Hi', session_id: 's1' });
    expect((await run(ann)).status).toBe(200);
    expect(await run(bob)).toMatchObject({ status: 404 });
    expect((await send('GET', '/sessions/s1/runs', bob)).status).toBe(404);
    expect(await send('GET', '/sessions', bob)).toMatchObject({ status: 200, body: { data: [] } });
    await send('DELETE', '/sessions/s1', bob);
    expect(await send('GET', '/sessions/s1/runs', ann)).toMatchObject({ status: 200, body: [{}] });
  });
});
