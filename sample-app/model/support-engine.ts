import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { EngineLike, EngineRequest } from 'nestjs-agentos/engine';
import { aiSdk, type AiSdkOptions } from 'nestjs-agentos/ai-sdk';

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';
const DEFAULT_MODEL = 'gpt-5-mini';

/** Whether a language model is configured: by `OPENAI_API_KEY`, or by `OPENAI_BASE_URL` for another server. */
export function hasModel(): boolean {
  return Boolean(process.env['OPENAI_API_KEY'] ?? process.env['OPENAI_BASE_URL']);
}

/** A language model if one is configured, else the offline engine. */
export function modelOr<R extends EngineRequest>(
  offline: EngineLike<R>,
  options: Omit<AiSdkOptions, 'model'>,
): EngineLike<R> {
  return hasModel() ? aiSdk({ model: createModel(), ...options }) : offline;
}

function createModel(): AiSdkOptions['model'] {
  const apiKey = process.env['OPENAI_API_KEY'];
  const provider = createOpenAICompatible({
    name: 'openai',
    baseURL: process.env['OPENAI_BASE_URL'] ?? DEFAULT_BASE_URL,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  return provider(process.env['MODEL'] ?? DEFAULT_MODEL);
}
