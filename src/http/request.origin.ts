import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

import { ForbiddenException } from '@nestjs/common';

/** The origins that requests may come from, and the host names that they may use for this server. */
export interface OriginRules {
  readonly allowedOrigins?: readonly string[] | undefined;
  readonly allowedHosts?: readonly string[] | undefined;
}

type Headers = Readonly<Record<string, string | string[] | undefined>> & Pick<IncomingHttpHeaders, 'origin'>;

/**
 * Refuses requests that a browser sends on behalf of a page that is not allowed. A page of any origin may send forms
 * to any server that the browser reaches, without a preflight request; the browser names the page in the header
 * `Origin`. Clients other than browsers send no such header and pass.
 *
 * @throws ForbiddenException that names the refused origin or host, and the option that allows it
 */
export function checkOrigin(headers: Headers, { allowedOrigins, allowedHosts }: OriginRules): void {
  if (allowedHosts !== undefined) checkHost(hostOf(headers), allowedHosts);
  if (allowedOrigins === undefined) return;
  const { origin } = headers;
  const isAllowed =
    origin === undefined
      ? !isOfAnotherPage(headers)
      : allowedOrigins.includes(origin) || isOwn(origin, hostOf(headers), allowedHosts);
  if (!isAllowed) {
    throw new ForbiddenException(
      `Requests of pages of the origin ${quote(origin)} are not allowed. http.allowedOrigins may name it.`,
    );
  }
}

function checkHost(host: URL | undefined, allowedHosts: readonly string[]): void {
  if (isKnownHost(host, allowedHosts)) return;
  throw new ForbiddenException(
    `Requests for the host ${quote(host?.hostname)} are not allowed. http.allowedHosts may name it.`,
  );
}

/** Images and scripts are requested without an origin. A page cannot read them, but notices whether they exist. */
function isOfAnotherPage(headers: Headers): boolean {
  return ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']));
}

/**
 * Whether a page comes from this server. Equal names are no proof, since anyone can let a name of theirs resolve to
 * this machine; so the name must also be a known one.
 */
function isOwn(origin: string, host: URL | undefined, allowedHosts: readonly string[] = []): boolean {
  if (host === undefined || !isKnownHost(host, allowedHosts)) return false;
  const page = toUrl(origin);
  return (
    page !== undefined && page.hostname === host.hostname && portOf(page) === portOf(host, page.protocol)
  );
}

/** Loopback names and addresses cannot be made to resolve to another machine. */
function isKnownHost(host: URL | undefined, allowedHosts: readonly string[]): boolean {
  if (host === undefined) return false;
  const { hostname } = host;
  const isLoopback = hostname === 'localhost' || hostname.endsWith('.localhost');
  return isLoopback || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || allowedHosts.includes(hostname);
}

/** HTTP/2 has a pseudo-header for it. */
function hostOf(headers: Headers): URL | undefined {
  return toUrl(`http://${String(headers[':authority'] ?? headers['host'])}`);
}

/** The page is the same whether TLS ends in front of this server or in it. */
function portOf({ port, protocol }: URL, instead = protocol): string {
  return port === '' ? (instead === 'https:' ? '443' : '80') : port;
}

function toUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function quote(text: string | undefined): string {
  return text === undefined ? 'that is not named' : JSON.stringify(text.slice(0, 200));
}
