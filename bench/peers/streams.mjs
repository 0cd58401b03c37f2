import { warmUp } from './requests.mjs';

/** So many clients that each read one stream of tokens after another. */
export async function measureStreams(point, { streams, tokens }, { plan }) {
  const read = (server, seconds) =>
    point.load(server, 'stream', { load: 'readStreams', seconds, streams, tokens, token: server.token });
  await point.each((server) => warmUp(point, server, 'run', plan));
  await point.each((server) => read(server, plan.warmUpSeconds));
  await point.read(plan.rounds, async (server) => {
    const { tokensPerSecond, firstTokenP50Micros, firstTokenP99Micros } = await read(
      server,
      plan.openSeconds,
    );
    return {
      tokensPerSecond,
      firstTokenP50Millis: firstTokenP50Micros / 1_000,
      firstTokenP99Millis: firstTokenP99Micros / 1_000,
    };
  });
  return {};
}
