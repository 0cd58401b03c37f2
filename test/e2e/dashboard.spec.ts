import { afterEach, describe, expect, it } from '@jest/globals';
import { DocumentBuilder } from '@nestjs/swagger';
import { createAgentOsDocument } from 'nestjs-agentos/openapi';

import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const http = { dashboard: true };

describe.each(ADAPTERS)('The dashboard on %s', (adapter) => {
  it('is a page with files, which load nothing from other hosts', async () => {
    const { url } = await startApp({ adapter, agentOs: { http } });
    const page = await fetch(`${url}/dashboard`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self';/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');

    const files = [...(await page.text()).matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file = '']) => file);
    expect(files.sort()).toEqual(['dashboard/icon.svg', 'dashboard/main.js', 'dashboard/style.css']);
    for (const file of files) expect((await fetch(`${url}/${file}`)).status).toBe(200);
    const script = await fetch(`${url}/dashboard/main.js`);
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  it('stands under the prefix of the routes, with or without a slash at its end', async () => {
    const { url } = await startApp({ adapter, agentOs: { http: { ...http, prefix: 'os' } } });
    const page = await fetch(`${url}/os/dashboard/`);
    expect([page.status, page.url]).toEqual([200, `${url}/os/dashboard`]);
    expect((await fetch(`${url}/os/dashboard/main.js`)).status).toBe(200);
    expect(await (await fetch(`${url}/os`)).json()).toMatchObject({ dashboard: '/os/dashboard' });
  });

  it.each(['main.ts', '..%2fpackage.json', '..%2f..%2fagent-os.module.js', '%00', 'constructor'])(
    'does not serve the file %s',
    async (name) => {
      const { url } = await startApp({ adapter, agentOs: { http } });
      expect((await fetch(`${url}/dashboard/${name}`)).status).toBe(404);
    },
  );

  it('is open, while its data require the security key', async () => {
    const { url } = await startApp({ adapter, agentOs: { http: { ...http, securityKey: 'key' } } });
    expect((await fetch(`${url}/dashboard`)).status).toBe(200);
    expect((await fetch(`${url}/hooks`)).status).toBe(401);
  });

  it('does not exist unless the option asks for it', async () => {
    const { url } = await startApp({ adapter, agentOs: {} });
    expect((await fetch(`${url}/dashboard`)).status).toBe(404);
    expect(await (await fetch(url)).json()).not.toHaveProperty('dashboard');
  });
});

describe('The dashboard', () => {
  it('is not part of the OpenAPI document', async () => {
    const { app } = await startApp({ agentOs: { http } });
    const { paths } = createAgentOsDocument(app, new DocumentBuilder().setTitle('Host').build());
    expect(Object.keys(paths).filter((path) => path.includes('dashboard'))).toEqual([]);
  });
});
