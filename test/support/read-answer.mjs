// A client in a process of its own: reads each whole answer and only then writes it to its file, and a line to say so.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

for await (const line of createInterface({ input: process.stdin })) {
  const { url, body, file } = JSON.parse(line);
  const answer = await fetch(url, body ? { method: 'POST', body: new URLSearchParams(body) } : {});
  writeFileSync(file, await answer.text());
  console.log('read');
}
