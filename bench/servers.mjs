import { ChildProcess } from './child-process.mjs';

/** Starts the server of each variant in a process of its own and lets it run until its code is compiled. */
export async function startServers(load, { variants, adapter, size, warmUpRequests, node }) {
  const servers = await Promise.all(
    variants.map(async (variant) => {
      const scriptArguments = [variant, adapter, String(size)];
      const process = await ChildProcess.start('server/main.mjs', { scriptArguments, program: node });
      return { variant, process, url: process.greeting.url };
    }),
  );
  await load.ask({ load: 'send', urls: servers.map(({ url }) => url), requests: warmUpRequests });
  return servers;
}

export async function stopServers(servers) {
  await Promise.all(servers.map(({ process }) => process.stop()));
}
