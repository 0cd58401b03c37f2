import { afterEach, describe, expect, it, jest } from '@jest/globals';

import SkippedReporter from '../../support/skipped.reporter.js';

afterEach(() => void jest.restoreAllMocks());

const skipped = { status: 'pending', ancestorTitles: [], title: 'works' };
const IN_REDIS = { ...skipped, ancestorTitles: ['A queue in Redis (not tested: install Redis)'] };

/** The text that the reporter prints after a run with these tests. */
function printedAfter(tests: readonly object[], settings: { testNamePattern?: string } = {}): string {
  const printed: unknown[] = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(text) > 0);
  new SkippedReporter(settings).onRunComplete(undefined, { testResults: [{ testResults: tests }] });
  return printed.join('');
}

describe('The reporter of skipped tests', () => {
  it('names a skipped test that needs a program of the machine once, with the program', () => {
    expect(printedAfter([IN_REDIS, { ...IN_REDIS, title: 'works again' }])).toBe(
      '\nNot tested on this machine, and what each needs:\n- A queue in Redis: install Redis.\n',
    );
  });

  it('names the group around the test, too', () => {
    const inner = {
      ...skipped,
      ancestorTitles: ['A folder', 'in a container (not tested: install unshare)'],
    };
    expect(printedAfter([inner])).toContain('\n- A folder in a container: install unshare.\n');
  });

  it.each(['pending', 'todo'])('names a test that is %s for another reason', (status) => {
    expect(printedAfter([{ ...skipped, status, ancestorTitles: ['A store'] }])).toContain(
      '\n- A store works\n',
    );
  });

  it('prints nothing if all tests were run', () => {
    expect(
      printedAfter([
        { ...IN_REDIS, status: 'passed' },
        { ...skipped, status: 'failed' },
      ]),
    ).toBe('');
  });

  it('prints nothing if only tests of some names were selected', () => {
    expect(printedAfter([IN_REDIS], { testNamePattern: 'G20' })).toBe('');
  });
});
