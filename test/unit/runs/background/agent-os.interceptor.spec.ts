import { EventEmitter } from 'node:events';

import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { defer, EMPTY, from, lastValueFrom, NEVER, of, Subject, throwError, type Observable } from 'rxjs';

import { AgentOsInterceptor } from '../../../../src/runs/background/agent-os.interceptor.js';
import { currentScope, type RunScope } from '../../../../src/runs/scope.js';

/** What Nest hands to an interceptor, reduced to what ours reads. */
function contextOf(type: string, response?: unknown): ExecutionContext {
  return { getType: () => type, switchToHttp: () => ({ getResponse: () => response }) } as ExecutionContext;
}

/** Has the interceptor watch a handler, and notes what the runs of that handler would be told. */
function intercept(
  context: ExecutionContext,
  answer: Observable<unknown>,
): { readonly answer: Observable<unknown>; readonly steps: string[] } {
  const steps: string[] = [];
  const handle = (): Observable<unknown> => {
    currentScope().response?.onClosed((delivered) => steps.push(`closed, delivered: ${delivered}`));
    return answer;
  };
  return { answer: new AgentOsInterceptor().intercept(context, { handle }), steps };
}

describe.each(['graphql', 'rpc', 'ws'])('In a %s context, which has no response,', (type) => {
  it('the end of the handler counts, after its last value', () => {
    const source = new Subject<string>();
    const { answer, steps } = intercept(contextOf(type), source);
    answer.subscribe({
      next: (value) => steps.push(`value ${String(value)}`),
      complete: () => steps.push('completed'),
    });
    source.next('1');
    source.next('2');
    expect(steps).toEqual(['value 1', 'value 2']);
    source.complete();
    expect(steps).toEqual(['value 1', 'value 2', 'completed', 'closed, delivered: true']);
  });

  it.each([
    ['completes without a value', EMPTY, true],
    ['answers with a promise', from(Promise.resolve('done')), true],
    ['fails', throwError(() => new Error('broken')), false],
  ])('a handler that %s has ended, delivered or not', async (_name, source, delivered) => {
    const { answer, steps } = intercept(contextOf(type), source);
    await new Promise<void>((resolve) => answer.subscribe({ error: () => undefined }).add(resolve));
    expect(steps).toEqual([`closed, delivered: ${delivered}`]);
  });

  it('a client that unsubscribes counts as gone', () => {
    const { answer, steps } = intercept(contextOf(type), NEVER);
    answer.subscribe().unsubscribe();
    expect(steps).toEqual(['closed, delivered: false']);
  });

  it('two handlers do not share an end', () => {
    const interceptor = new AgentOsInterceptor();
    const lifecycles: unknown[] = [];
    const handle = (): Observable<unknown> => {
      lifecycles.push(currentScope().response);
      return of(1);
    };
    interceptor.intercept(contextOf(type), { handle }).subscribe();
    interceptor.intercept(contextOf(type), { handle }).subscribe();
    expect(new Set(lifecycles).size).toBe(2);
  });
});

describe('In an http context', () => {
  it.each([
    ['of Express', (raw: object) => raw],
    ['of Fastify', (raw: object) => ({ raw })],
  ])('the response %s counts, not the handler', (_name, wrap) => {
    const raw = Object.assign(new EventEmitter(), {
      closed: false,
      destroyed: false,
      writableFinished: true,
    });
    const { answer, steps } = intercept(contextOf('http', wrap(raw)), of('answer'));
    answer.subscribe({ complete: () => steps.push('completed') });
    steps.push('the last byte leaves');
    raw.emit('finish');
    raw.emit('close');
    expect(steps).toEqual(['completed', 'the last byte leaves', 'closed, delivered: true']);
  });

  it('a handler that starts no run adds no listener to the response of its host', () => {
    const raw = new EventEmitter();
    new AgentOsInterceptor().intercept(contextOf('http', raw), { handle: () => EMPTY });
    expect(raw.eventNames()).toEqual([]);
  });

  it('a second interceptor around the handler of the same response leaves the scope as it is', () => {
    const raw = new EventEmitter();
    const interceptor = new AgentOsInterceptor();
    const scopes: RunScope[] = [];
    const note = (): Observable<string> => {
      scopes.push(currentScope());
      return of('answer');
    };
    const inner = (response: object) => (): Observable<unknown> => {
      scopes.push(currentScope());
      return interceptor.intercept(contextOf('http', response), { handle: note });
    };
    interceptor.intercept(contextOf('http', raw), { handle: inner(raw) }).subscribe();
    expect(scopes[1]).toBe(scopes[0]);
    // Also once a run of the handler has asked for the response.
    const watched = (): Observable<unknown> => {
      expect(currentScope().response).toBeDefined();
      return inner({ raw })();
    };
    interceptor.intercept(contextOf('http', { raw }), { handle: watched }).subscribe();
    expect(scopes[3]).toBe(scopes[2]);
    expect(scopes[2]).not.toBe(scopes[0]);
  });

  it('a handler that is called inside that of another response has a scope of its own', () => {
    const interceptor = new AgentOsInterceptor();
    const scopes: RunScope[] = [];
    const innermost = (): Observable<string> => {
      scopes.push(currentScope());
      return of('answer');
    };
    const handle = (): Observable<unknown> => {
      scopes.push(currentScope());
      return interceptor.intercept(contextOf('http', new EventEmitter()), { handle: innermost });
    };
    interceptor.intercept(contextOf('http', new EventEmitter()), { handle }).subscribe();
    expect(scopes[1]).not.toBe(scopes[0]);
  });

  it('the end of the handler counts if there is no response of Node', () => {
    const { answer, steps } = intercept(contextOf('http', {}), of('answer'));
    answer.subscribe();
    expect(steps).toEqual(['closed, delivered: true']);
  });
});

describe('A handler', () => {
  it('may start its run when its observable is subscribed to', () => {
    const steps: string[] = [];
    const late = defer(() => {
      currentScope().response?.onClosed((delivered) => steps.push(`closed, delivered: ${delivered}`));
      return of('answer');
    });
    const { answer } = intercept(contextOf('rpc'), late);
    answer.subscribe({ complete: () => steps.push('completed') });
    expect(steps).toEqual(['completed', 'closed, delivered: true']);
  });

  it('may throw at once, which is forwarded', async () => {
    const handle = (): never => {
      throw new Error('broken');
    };
    // Nest, too, takes an interceptor that throws for one whose observable fails.
    const answer = defer(() => new AgentOsInterceptor().intercept(contextOf('rpc'), { handle }));
    await expect(lastValueFrom(answer)).rejects.toThrow('broken');
  });
});
