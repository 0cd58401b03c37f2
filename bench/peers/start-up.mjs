import { startSubject } from './subjects.mjs';

/** The time from the start of a process to its first answer, and its memory then. */
export async function measureStartUp(point, configuration, { plan, installed }) {
  await point.read(plan.rounds, async (subject) => {
    const start = performance.now();
    const server = await startSubject(subject, configuration, installed);
    try {
      const { url, headers, body } = server.requests.run;
      const response = await fetch(url, { method: 'POST', headers, body });
      await response.text();
      if (response.status !== 200) throw new Error(`${url} answered ${response.status}.`);
      const startMillis = performance.now() - start;
      const { residentBytes } = await server.process.ask('state');
      return { startMillis, residentMegabytes: residentBytes / 2 ** 20 };
    } finally {
      await server.process.stop();
    }
  });
  return {};
}
