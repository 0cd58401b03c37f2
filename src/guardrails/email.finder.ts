import type { Span } from './normalised.text.js';

const LONGEST_LOCAL_PART = 64;
const LOCAL = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
/** 1 for each ASCII character that matches {@link LOCAL}: testing each with the expression would cost too much. */
const LOCAL_ASCII = Uint8Array.from({ length: 0x80 }, (_, unit) =>
  Number(LOCAL.test(String.fromCharCode(unit))),
);
/** Labels and a top-level domain without digits; eight labels of 63 characters are more than any address has. */
const DOMAIN =
  /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}(?:xn--[a-z0-9-]{2,59}|\p{L}{2,63})(?![\p{L}\p{N}])/uy;

/** Endings of names of files, units and releases: `icon@2x.png`, `getty@tty1.service`, `vue@next.beta`. */
const NOT_TOP_LEVEL = new Set([
  ...[
    'png',
    'jpg',
    'jpeg',
    'gif',
    'svg',
    'webp',
    'avif',
    'ico',
    'pdf',
    'js',
    'mjs',
    'cjs',
    'json',
    'css',
    'html',
  ],
  ...['alpha', 'beta', 'rc', 'canary', 'nightly', 'snapshot', 'latest', 'stable', 'preview', 'experimental'],
  ...['service', 'socket', 'timer', 'target', 'local', 'localdomain', 'tgz', 'tar', 'gz'],
]);

/** Finds e-mail addresses: an `@` between a name and a domain that could be registered. */
export function* findEmails(text: string): Generator<Span, void> {
  let floor = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    // The cheap test first: a text may contain a million `@` signs.
    DOMAIN.lastIndex = at + 1;
    const domain = DOMAIN.exec(text)?.[0];
    if (domain === undefined || !isMailDomain(domain)) continue;
    const start = startOfLocalPart(text, at, floor);
    if (start === at) continue;
    const end = at + 1 + domain.length;
    if (isRepository(text, start, at)) continue;
    yield { start, end };
    floor = end;
  }
}

/** The start of the local part. Quotes, slashes and dots are allowed in it, but more often precede it. */
function startOfLocalPart(text: string, at: number, floor: number): number {
  let start = at;
  const least = Math.max(floor, at - LONGEST_LOCAL_PART);
  while (start > least) {
    const unit = text.charCodeAt(start - 1);
    if (unit < 0x80) {
      if (LOCAL_ASCII[unit] === 0) break;
      start -= 1;
      continue;
    }
    const isLowHalf = start - 2 >= least && /[\udc00-\udfff]/.test(text.charAt(start - 1));
    const from = isLowHalf ? start - 2 : start - 1;
    if (!LOCAL.test(text.slice(from, start))) break;
    start = from;
  }
  // In a path or a query string the address begins after the last separator.
  for (let place = at - 1; place >= start; place--) {
    if (SEPARATING.has(text.charCodeAt(place))) start = place + 1;
  }
  while (start < at && !isWord(text, start)) start++;
  return start;
}

const SEPARATING = new Set(Array.from('/=?&|{`', (sign) => sign.charCodeAt(0)));

function isWord(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit < 0x80 ? /\w/.test(text.charAt(at)) : /[\p{L}\p{N}]/u.test(characterAt(text, at));
}

function characterAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) as number);
}

/** Whether it is a mail domain, not a version: `18.2.0`, `1.0.0-rc.alpha`, `next.beta`. */
function isMailDomain(domain: string): boolean {
  if (/^v?\d+\.\d/.test(domain)) return false;
  return !NOT_TOP_LEVEL.has(domain.slice(domain.lastIndexOf('.') + 1).toLowerCase());
}

/** Whether it is a server account: `git@example.org:team/project.git`, `ssh -T git@example.org`. */
function isRepository(text: string, start: number, at: number): boolean {
  return text.slice(start, at) === 'git';
}
