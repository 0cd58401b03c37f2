import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError, sampled, type PostHookContext } from 'nestjs-agentos';

const RUN_IDS = Array.from({ length: 10_000 }, (_, index) => `run-${index}`);

function contextOf(runId: string): PostHookContext {
  return { runContext: { runId } } as PostHookContext;
}

/** The runs that a rate lets pass. */
function chosenBy(rate: number): string[] {
  const condition = sampled(rate);
  return RUN_IDS.filter((runId) => condition(contextOf(runId)) === true);
}

describe('sampled()', () => {
  it.each([0.01, 0.1, 0.5, 0.9])('lets about %d of the runs pass', (rate) => {
    // The ids are fixed and so is the choice: this is no matter of luck.
    expect(Math.abs(chosenBy(rate).length / RUN_IDS.length - rate)).toBeLessThan(0.01);
  });

  it('lets no run pass with 0 and all with 1', () => {
    expect([chosenBy(0).length, chosenBy(1).length]).toEqual([0, RUN_IDS.length]);
  });

  it('decides by the id of the run alone, so that every hook and every retry get the same runs', () => {
    expect(chosenBy(0.1)).toEqual(chosenBy(0.1));
  });

  it('lets the runs of a lower rate pass with a higher one too', () => {
    const higher = new Set(chosenBy(0.3));
    expect(chosenBy(0.1).filter((runId) => !higher.has(runId))).toEqual([]);
  });

  it('returns a boolean, the only value that `when` accepts', () => {
    expect([sampled(0)(contextOf('run')), sampled(1)(contextOf('run'))]).toEqual([false, true]);
  });

  it.each([-0.1, 1.1, 10, NaN, Infinity, '0.1', undefined, null])('refuses the rate %p', (rate) => {
    expect(() => sampled(rate as number)).toThrow(
      new AgentOsConfigurationError(`sampled() expected a rate from 0 to 1, got ${String(rate)}.`),
    );
  });
});
