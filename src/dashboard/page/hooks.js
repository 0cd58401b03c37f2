import { html, useState } from './htm-preact.js';
import { useData } from './data.js';
import { count, duration, percent, time } from './format.js';
import { Component, Loading, Problem, RunLink, Table, Tag } from './parts.js';
import { call } from './server.js';

const REASONS = {
  guardrail: 'a guardrail',
  decorator: 'its decorator',
  switch: 'runHooksInBackground',
  default: 'the default',
};

/** Every hook with its mode and its durations, and the failures. */
export function HooksView() {
  const hooks = useData('hooks');
  const stats = useData('hooks/stats');
  const failed = useData('hooks/executions?state=failed&limit=100');
  const timedOut = useData('hooks/executions?state=timed_out&limit=100');
  const [problem, setProblem] = useState();

  async function runAgain({ id }) {
    try {
      setProblem(undefined);
      await call(`hooks/executions/${encodeURIComponent(id)}/retry`, { method: 'POST' });
      failed.reload();
      timedOut.reload();
    } catch (error) {
      setProblem(error);
    }
  }

  if (!hooks.data)
    return html`<${Problem} error=${hooks.error} />${hooks.error ? null : html`<${Loading} />`}`;
  const figures = new Map((stats.data?.hooks ?? []).map((row) => [keyOf(row), row]));
  const failures = [...(failed.data?.data ?? []), ...(timedOut.data?.data ?? [])].sort((one, other) =>
    (other.ended_at ?? '').localeCompare(one.ended_at ?? ''),
  );
  return html`
    <${Problem} error=${hooks.error ?? stats.error} />
    <${Table}
      caption="Hooks"
      empty="There are no hooks."
      columns=${['Hook', 'Attached to', 'Phase', 'Mode', 'Because of', 'Ran', 'p50', 'p95', 'Failed']}
      rows=${hooks.data.map(({ hook, source, attachment }) => {
        if (!attachment)
          return [html`<span title=${source}>${hook}</span>`, 'nothing', '', '', '', '', '', '', ''];
        const { component, phase, mode, reason, attached_by: by } = attachment;
        const {
          ran,
          p50,
          p95,
          failed: failures,
        } = figures.get(keyOf({ hook, phase, mode, component })) ?? {};
        return [
          html`<span title=${source}>${hook}</span>`,
          html`<${Component}
              component=${component}
            />${by === 'module' ? html` <span class="kind">by the module</span>` : ''}`,
          phase,
          html`<${Tag} value=${mode} />`,
          REASONS[reason],
          count(ran),
          duration(p50),
          duration(p95),
          percent(failures ?? 0, ran ?? 0),
        ];
      })}
    />
    <${Problem} error=${problem} />
    <${Table}
      caption="Failures"
      empty="No hook has failed."
      columns=${['Time', 'Hook', 'Component', 'State', 'Error', 'Attempts', 'Run', 'Action']}
      rows=${failures.map((execution) => [
        time(execution.ended_at ?? execution.scheduled_at),
        execution.hook,
        html`<${Component} component=${execution.component} />`,
        html`<${Tag} value=${execution.state} />`,
        execution.error_name ?? '',
        execution.attempts,
        html`<${RunLink} id=${execution.run_id} />`,
        execution.mode === 'background'
          ? html`<button type="button" onClick=${() => runAgain(execution)}>
              Run again<span class="hidden"> ${execution.hook} of run ${execution.run_id.slice(0, 8)}</span>
            </button>`
          : '',
      ])}
    />
  `;
}

function keyOf({ hook, phase, mode, component }) {
  return JSON.stringify([hook, phase, mode, component.kind, component.id]);
}
