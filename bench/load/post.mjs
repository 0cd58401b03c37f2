import { request } from 'node:http';

import { BODY, HEADERS } from '../request.mjs';

/** Sends one request and resolves when its answer has been read; `onData` gets the pieces of the answer. */
export function post(agent, { url, headers = HEADERS, body = BODY }, onData = () => undefined) {
  return new Promise((resolve, reject) => {
    const all = { ...headers, 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers: all }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}.`));
      response.on('data', onData).on('end', resolve).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}
