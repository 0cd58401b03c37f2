/** How `describeWherePossible` names what it leaves out. */
const LEFT_OUT = /^(.*) \(not tested: (.*)\)$/;

/** Names at the end what was not tested on this machine, and what that needs. */
export default class SkippedReporter {
  #isWhole;

  /** With a pattern of names, nearly everything is left out. */
  constructor({ testNamePattern }) {
    this.#isWhole = !testNamePattern;
  }

  onRunComplete(_contexts, { testResults }) {
    if (!this.#isWhole) return;
    const lines = new Set(testResults.flatMap(({ testResults: tests }) => tests.flatMap(linesOf)));
    if (lines.size > 0)
      process.stderr.write(`\nNot tested on this machine, and what each needs:\n${[...lines].join('\n')}\n`);
  }
}

function linesOf({ status, ancestorTitles, title }) {
  if (status !== 'pending' && status !== 'todo') return [];
  const titles = [...ancestorTitles, title];
  const place = titles.findIndex((one) => LEFT_OUT.test(one));
  const [, name, need] = LEFT_OUT.exec(titles[place] ?? '') ?? [];
  if (need === undefined) return [`- ${titles.join(' ')}`];
  return [`- ${[...titles.slice(0, place), name].join(' ')}: ${need}.`];
}
