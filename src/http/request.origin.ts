import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

import { ForbiddenException } from '@nestjs/common';

/** From where requests may come, and what they may call this server. */
export interface OriginRules {
  readonly allowedOrigins?: readonly string[] | undefined;
  readonly allowedHosts?: readonly string[] | undefined;
}

type Headers = Readonly<Record<string, string | string[] | undefined>> & Pick<IncomingHttpHeaders, 'origin'>;

/**
 * Refuses what a browser sends on behalf of a page that is not allowed. A page of any origin may send forms to any
 * server that the browser reaches, without asking first; the browser names the page in the header `Origin`. Clients
 * that are no browsers send no such header and pass.
 *
 * @throws ForbiddenException that names what was refused and the option that allows it
 */
export function checkOrigin(headers: Headers, { allowedOrigins, allowedHosts }: OriginRules): void {
  const host = hostOf(headers);
  if (allowedHosts !== undefined && !isKnownHost(host, allowedHosts)) {
    throw new ForbiddenException(
      `Requests for the host ${quote(host?.hostname)} are not allowed. http.allowedHosts may name it.`,
    );
  }
  if (allowedOrigins === undefined) return;
  const { origin } = headers;
  const isAllowed =
    origin === undefined
      ? !isOfAnotherPage(headers)
      : allowedOrigins.includes(origin) || isOwn(origin, host, allowedHosts);
  if (!isAllowed) {
    throw new ForbiddenException(
      `Requests of pages of the origin ${quote(origin)} are not allowed. http.allowedOrigins may name it.`,
    );
  }
}

/** Images and scripts come without an origin. A page cannot read them, but sees whether they are there. */
function isOfAnotherPage(headers: Headers): boolean {
  return ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']));
}

/**
 * A page of this very server. That the names are equal proves nothing for a name that anybody can let point to this
 * machine, so it must be one that is known.
 */
function isOwn(origin: string, host: URL | undefined, allowedHosts: readonly string[] = []): boolean {
  if (host === undefined || !isKnownHost(host, allowedHosts)) return false;
  const page = toUrl(origin);
  return (
    page !== undefined && page.hostname === host.hostname && portOf(page) === portOf(host, page.protocol)
  );
}

/** Names of loopback and addresses cannot be made to point elsewhere. */
function isKnownHost(host: URL | undefined, allowedHosts: readonly string[]): boolean {
  if (host === undefined) return false;
  const { hostname } = host;
  const isLoopback = hostname === 'localhost' || hostname.endsWith('.localhost');
  return isLoopback || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || allowedHosts.includes(hostname);
}

/** HTTP/2 has a field of its own for it. */
function hostOf(headers: Headers): URL | undefined {
  return toUrl(`http://${String(headers[':authority'] ?? headers['host'])}`);
}

/** Whether TLS ends in front of this server or not, it is the same page. */
function portOf({ port, protocol }: URL, instead = protocol): string {
  return port === '' ? (instead === 'https:' ? '443' : '80') : port;
}

function toUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function quote(text: string | undefined): string {
  return text === undefined ? 'that is not named' : JSON.stringify(text.slice(0, 200));
}
