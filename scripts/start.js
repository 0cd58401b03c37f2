/**
 * `npm start`, `npm run start:dev` and `npm run start:worker`: says first what takes so long, then runs `nest start` with the
 * sample application, or with a worker of it, in this very process.
 * Plain Node, so that the scripts need no particular shell.
 */
process.stdout.write('Compiling the sample application, which takes some ten seconds ...\n');

// npm hands SIGTERM to the shell that it runs scripts in, and many shells do not hand it on: they end, and leave this process.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  process.kill(process.pid, 'SIGTERM');
}, 500).unref();

const isWorker = process.argv[2] === 'worker';
process.argv.splice(2, isWorker ? 1 : 0, 'start', isWorker ? 'sample-worker' : 'sample-app', '--no-shell');
await import('@nestjs/cli/bin/nest.js');
