/**
 * `npm start` and `npm run start:dev`: says first what takes so long, then runs `nest start sample-app` in this very process.
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

process.argv.splice(2, 0, 'start', 'sample-app', '--no-shell');
await import('@nestjs/cli/bin/nest.js');
