import { describe, expect, it } from '@jest/globals';

import { checkOrigin, type OriginRules } from '../../../src/http/request.origin.js';

const isAllowed = (headers: Record<string, string>, rules: OriginRules): boolean => {
  try {
    checkOrigin(headers, rules);
    return true;
  } catch {
    return false;
  }
};

describe('A request from a page', () => {
  it.each<[Record<string, string>, OriginRules, boolean]>([
    // Without rules everything passes.
    [{ host: 'evil.example', origin: 'https://evil.example' }, {}, true],
    // The same page, with and without TLS in front of the server, with and without the port that browsers leave out.
    [{ host: 'localhost', origin: 'https://localhost' }, { allowedOrigins: [] }, true],
    [{ host: 'localhost:80', origin: 'http://localhost' }, { allowedOrigins: [] }, true],
    [{ host: 'localhost:443', origin: 'https://localhost' }, { allowedOrigins: [] }, true],
    [{ host: 'localhost:7777', origin: 'http://localhost:3000' }, { allowedOrigins: [] }, false],
    [{ host: '[::1]:7777', origin: 'http://[::1]:7777' }, { allowedOrigins: [] }, true],
    [{ host: 'app.localhost:7777', origin: 'http://app.localhost:7777' }, { allowedOrigins: [] }, true],
    [
      { host: 'localhost.evil.example', origin: 'http://localhost.evil.example' },
      { allowedOrigins: [] },
      false,
    ],
    [{ host: 'a.example', origin: 'https://a.example' }, { allowedOrigins: [] }, false],
    [
      { host: 'a.example', origin: 'https://a.example' },
      { allowedOrigins: [], allowedHosts: ['a.example'] },
      true,
    ],
    [{ ':authority': 'localhost:1', origin: 'http://localhost:1' }, { allowedOrigins: [] }, true],
    // Pages that hide what they are, and several origins at once.
    [{ host: 'localhost', origin: 'null' }, { allowedOrigins: [] }, false],
    [{ host: 'localhost', origin: 'null' }, { allowedOrigins: ['null'] }, true],
    [
      { host: 'localhost', origin: 'https://a.example, https://b.example' },
      { allowedOrigins: ['https://a.example'] },
      false,
    ],
    [{ host: 'localhost', origin: '' }, { allowedOrigins: [] }, false],
    // Images and scripts of other pages come without an origin.
    [{ host: 'localhost', 'sec-fetch-site': 'cross-site' }, { allowedOrigins: [] }, false],
    [{ host: 'localhost', 'sec-fetch-site': 'same-site' }, { allowedOrigins: [] }, false],
    [{ host: 'localhost', 'sec-fetch-site': 'same-origin' }, { allowedOrigins: [] }, true],
    [{ host: 'localhost', 'sec-fetch-site': 'none' }, { allowedOrigins: [] }, true],
    [{ host: 'localhost', 'sec-fetch-site': 'cross-site' }, {}, true],
    // Names of the server.
    [{ host: 'a.example:7777' }, { allowedHosts: ['a.example'] }, true],
    [{ host: 'A.EXAMPLE' }, { allowedHosts: ['a.example'] }, true],
    [{ host: 'b.a.example' }, { allowedHosts: ['a.example'] }, false],
    [{ host: '10.0.0.1' }, { allowedHosts: [] }, true],
    [{ host: 'not a host' }, { allowedHosts: [] }, false],
    [{}, { allowedHosts: [] }, false],
    [{}, { allowedOrigins: [] }, true],
  ])('at %j is accepted under %j: %p', (headers, rules, expected) => {
    expect(isAllowed(headers, rules)).toBe(expected);
  });
});
