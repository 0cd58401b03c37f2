import { describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { piiGuardrail, promptInjectionGuardrail } from 'nestjs-agentos/guardrails';

const build = { piiGuardrail, promptInjectionGuardrail };

const guardedBy = (...[name, options]: [keyof typeof build, { maxLength?: number }?]): Agent =>
  new Agent({ id: 'guarded', engine: () => 'fine', preHooks: [build[name](options)] });

describe.each(Object.keys(build) as (keyof typeof build)[])('%s', (name) => {
  it('rejects a text that is longer than maxLength, and inspects a shorter one', async () => {
    const short = guardedBy(name, { maxLength: 10 });

    await expect(short.run('x'.repeat(10))).resolves.toMatchObject({ content: 'fine' });
    await expect(short.run('x'.repeat(11))).rejects.toMatchObject({
      code: 'input_check_error',
      trigger: 'input_not_allowed',
      message: 'The input is longer than the 10 characters that can be checked.',
    });
    await expect(guardedBy(name).run('x'.repeat(1024 * 1024 + 1))).rejects.toMatchObject({
      trigger: 'input_not_allowed',
    });
  });

  it('rejects a text that is longer than maxLength in the form that the guardrail inspects', async () => {
    const short = guardedBy(name, { maxLength: 10 });

    await expect(short.run('Ⅲ Ⅲ Ⅰ')).resolves.toMatchObject({ content: 'fine' });
    await expect(short.run('Ⅲ Ⅲ Ⅱ')).resolves.toMatchObject({ content: 'fine' });
    await expect(short.run('Ⅲ Ⅲ Ⅲ')).rejects.toMatchObject({
      message: 'The input is longer than the 10 characters that can be checked.',
    });
  });

  it('counts numbers for maxLength', async () => {
    const metadata = { n: Array.from({ length: 100 }, (_, index) => index) };
    await expect(guardedBy(name, { maxLength: 100 }).run('hi', { metadata })).rejects.toMatchObject({
      trigger: 'input_not_allowed',
    });
  });
});
