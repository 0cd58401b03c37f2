import { afterEach, describe, expect, it } from '@jest/globals';
import { tool } from 'ai';
import { z } from 'zod';

import { postBody, runJson } from '../support/http-client.js';
import { calls, closeOpenAiServers, says } from '../support/openai-server.js';
import { startScriptedAgent } from '../support/scripted-agent.js';
import { closeApps } from '../support/test-app.js';
import { uploadOf } from '../support/upload-form.js';

afterEach(closeApps);
afterEach(closeOpenAiServers);

const add = tool({
  inputSchema: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => a + b,
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The first bytes of an archive, as Office documents are: not text. */
const ZIP = new Uint8Array([0x50, 0x4b, 0x03, 0x04, 0, 0, 0, 0]);

describe('The files of a run by an agent on the AI SDK', () => {
  const photo = { name: 'photo.png', type: 'image/png', content: 'a picture' };

  it('reach the provider with the question: pictures and documents as files, texts as text', async () => {
    const { url, provider } = await startScriptedAgent([says('Nice.')], { app: {} });
    const form = uploadOf([
      photo,
      { name: 'voice.wav', content: 'a voice' },
      { name: 'report.pdf', content: '%PDF' },
      { name: 'notes.md', content: '# Übersicht' },
      { name: 'data.json', content: '{"a":1}' },
      {
        name: 'prices.csv',
        type: 'application/vnd.ms-excel',
        content: Uint8Array.of(0xff, 0xfe, 0xac, 0x20),
      },
    ]);
    const response = await postBody(url, '/agents/helper', form);
    expect(await response.json()).toMatchObject({ status: 'COMPLETED', content: 'Nice.' });
    expect(provider.messages(0)).toEqual([
      [
        'user',
        [
          { type: 'text', text: 'hi' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${base64('a picture')}` } },
          { type: 'input_audio', input_audio: { data: base64('a voice'), format: 'wav' } },
          {
            type: 'file',
            file: { filename: 'report.pdf', file_data: `data:application/pdf;base64,${base64('%PDF')}` },
          },
          { type: 'text', text: 'The file "notes.md":\n# Übersicht' },
          { type: 'text', text: 'The file "data.json":\n{"a":1}' },
          { type: 'text', text: 'The file "prices.csv":\n€' },
        ],
      ],
    ]);
  });

  it('are sent again with each call of the model in the same run, but not in later runs', async () => {
    const script = [calls([{ name: 'add', arguments: { a: 1, b: 2 } }]), says('Three.'), says('Sure.')];
    const { url, provider } = await startScriptedAgent(script, {
      app: {},
      engine: { tools: { add } },
    });
    await postBody(url, '/agents/helper', uploadOf([photo], { session_id: 's1' }));
    await runJson(url, '/agents/helper', 'Sure?', { session_id: 's1' });
    const hasPhoto = provider.requests.map(({ body }) => JSON.stringify(body).includes('image_url'));
    expect(hasPhoto).toEqual([true, true, false]);
  });

  it('fail the run if the provider does not support them, and the client reads no details', async () => {
    const { url, log } = await startScriptedAgent([], { app: {} });
    const response = await postBody(url, '/agents/helper', uploadOf([{ name: 'report.docx', content: ZIP }]));
    expect([response.status, await response.json()]).toMatchObject([500, { status: 'ERROR' }]);
    expect(log.messages('error').join()).toContain('wordprocessingml');
  });
});
