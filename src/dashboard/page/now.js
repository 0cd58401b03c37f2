import { html, useState } from './htm-preact.js';
import { useData } from './data.js';
import { between, count, duration, time } from './format.js';
import { Component, Loading, Problem, RunLink, Table, Tag, Tiles } from './parts.js';
import { call } from './server.js';

const WAITS = {
  store: 'a store',
  engine: 'its engine',
  member: 'a run below it',
  reader: 'its reader',
};

/** What happens at the moment. */
export function NowView() {
  const stats = useData('hooks/stats');
  const runs = useData('hooks/runs?state=running&limit=200');
  const failed = useData('hooks/executions?state=failed&limit=20');
  const [problem, setProblem] = useState();

  async function cancel({ component, run_id: id }) {
    try {
      setProblem(undefined);
      await call(`${component.kind}s/${encodeURIComponent(component.id)}/runs/${id}/cancel`, {
        method: 'POST',
      });
      runs.reload();
    } catch (error) {
      setProblem(error);
    }
  }

  if (!stats.data || !runs.data) return html`<${Problem} error=${stats.error ?? runs.error} /><${Loading} />`;
  const { waiting, running, failed: failures, oldest_waiting: oldest, volatile: unsafe } = stats.data;
  const tiles = [
    { name: 'Runs in flight', value: count(stats.data.runs.running) },
    { name: 'Hooks waiting', value: count(waiting) },
    { name: 'Hooks running', value: count(running) },
    { name: 'Hooks failed', value: count(failures), isBad: failures > 0 },
    { name: 'Oldest waiting', value: oldest === null ? '–' : duration(oldest) },
    ...(unsafe === undefined ? [] : [{ name: 'Hooks in no store', value: count(unsafe), isBad: unsafe > 0 }]),
  ];
  return html`
    <${Tiles} tiles=${tiles} />
    <${Problem} error=${problem ?? stats.error ?? runs.error} />
    <${Table}
      caption="Runs in flight"
      empty="No run is in flight."
      columns=${['Run', 'Component', 'Since', 'Waits for', 'Action']}
      rows=${runs.data.data.map((run) => [
        html`<${RunLink} id=${run.run_id} />`,
        html`<${Component} component=${run.component} />`,
        duration(between(run.started_at)),
        run.waits_for === 'hook' ? `the hook ${run.hook}` : WAITS[run.waits_for],
        html`<button type="button" onClick=${() => cancel(run)}>
          Cancel<span class="hidden"> the run ${run.run_id.slice(0, 8)} of ${run.component.name}</span>
        </button>`,
      ])}
    />
    <${Table}
      caption="Latest failures of hooks"
      empty="No hook has failed."
      columns=${['Time', 'Hook', 'Component', 'Error', 'Run']}
      rows=${(failed.data?.data ?? []).map((execution) => [
        time(execution.ended_at ?? execution.scheduled_at),
        html`${execution.hook} <${Tag} value=${execution.mode} />`,
        html`<${Component} component=${execution.component} />`,
        execution.error_name ?? '',
        html`<${RunLink} id=${execution.run_id} />`,
      ])}
    />
  `;
}
