// A client in a process of its own: reads a whole answer and only then prints it.
const [url, body] = process.argv.slice(2);
const answer = await fetch(url, body ? { method: 'POST', body: new URLSearchParams(body) } : {});
console.log(await answer.text());
