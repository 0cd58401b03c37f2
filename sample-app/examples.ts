/** A request to try. */
export interface Example {
  readonly title: string;
  /** Can be pasted into a shell. */
  readonly curl: string;
}

/** The requests to try, for a server on this port. */
export function examples(port: number): Example[] {
  const host = `localhost:${port}`;
  const ask = (path: string, message: string): string =>
    `curl -X POST ${host}/${path}/runs -F "message=${message}" -F "stream=false"`;
  const stream = (path: string, message: string): string =>
    `curl -N -X POST ${host}/${path}/runs -F "message=${message}"`;
  const agent = 'agents/background-task-agent';
  const guarded = 'agents/guarded-agent';
  const staffQuestion = 'How does the support staff verify the identity of a caller?';
  return [
    {
      title: 'An answer at once, and "Notification sent" in the log three seconds later',
      curl: ask(agent, 'How do I reset my password?'),
    },
    { title: 'The same as a stream of events', curl: stream(agent, 'How do I reset my password?') },
    {
      title: 'A question that an input guardrail refuses, with status 400',
      curl: ask(guarded, 'My card is 4111 1111 1111 1111 12/27. Why did my payment fail?'),
    },
    { title: 'An answer that an output guardrail refuses', curl: ask(guarded, staffQuestion) },
    {
      title: 'The same as a stream, which shows no part of the answer',
      curl: stream(guarded, staffQuestion),
    },
    {
      title: 'A team with a nested team: all their background hooks run after the one response',
      curl: ask('teams/help-desk', 'Where do I find my invoices?'),
    },
    {
      title: 'A workflow: an agent, the team, a function',
      curl: ask('workflows/support-workflow', 'I am moving on. How do I cancel my subscription?'),
    },
    {
      title: 'A correct answer, judged in the background: it gets a high score',
      curl: ask('agents/judged-agent', 'How do I reset my password?'),
    },
    {
      title: 'A wrong answer: it gets a low score and a warning in the log',
      curl: ask('agents/judged-agent', 'How do I pause my subscription?'),
    },
    { title: 'The evaluations of both answers', curl: `curl ${host}/evaluations` },
    {
      title: 'A team and a workflow that use a language model if OPENAI_API_KEY or OPENAI_BASE_URL is set',
      curl: ask('teams/expert-team', 'How do I reset my password?'),
    },
    {
      title: 'A workflow with a condition',
      curl: ask('workflows/draft-workflow', 'How do I reset my password?'),
    },
    {
      title: 'A run that continues without its client: the answer is its id',
      curl: `${ask(agent, 'How do I reset my password?')} -F "background=true"`,
    },
    {
      title: 'A question with a file; the answer names the file',
      curl: `${ask(agent, 'How do I reset my password?')} -F "files=@README.md"`,
    },
    { title: 'The latest conversations', curl: `curl "${host}/sessions?limit=3"` },
    { title: 'The components of this server', curl: `curl ${host}/config` },
    { title: 'The OpenAPI document; its page is at /docs', curl: `curl ${host}/openapi.json` },
    { title: 'Every hook, where it is attached, its mode and the reason for it', curl: `curl ${host}/hooks` },
    {
      title: 'The latest hook executions with their states',
      curl: `curl "${host}/hooks/executions?limit=5"`,
    },
  ];
}

/** How to see that a crash loses no hook. */
export function crashExample(port: number, processId: number): string {
  const [first] = examples(port);
  return [
    'A crash loses no hook: answer, kill -9, start again, and "Notification sent" appears with the same execution id:',
    `  ${first?.curl}; kill -9 ${processId}`,
    '  npm start',
  ].join('\n');
}
