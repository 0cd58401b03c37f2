import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseFrames, type Frame } from './http-client.js';

const FOLDER = join(import.meta.dirname, '../fixtures/captures');

/** The text of a recorded answer of agno's server. */
export function readCapture(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8');
}

/** A recorded JSON body. */
export function captured(name: string): unknown {
  return withoutPrompts(JSON.parse(readCapture(name)));
}

/** The events of a recorded stream. */
export function capturedFrames(name: string): Frame[] {
  return parseFrames(readCapture(name)).map(({ event, data }) => ({
    event,
    data: withoutPrompts(data) as Frame['data'],
  }));
}

/** agno writes a system prompt of its own for teams and roles; here prompts are the engine's business. */
function withoutPrompts(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isPrompt(item)).map(withoutPrompts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutPrompts(item)]));
}

function isPrompt(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'role' in value && value.role === 'system';
}
