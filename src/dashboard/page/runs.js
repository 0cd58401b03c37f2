import { html, useState } from './htm-preact.js';
import { useData } from './data.js';
import { between, count, duration, time } from './format.js';
import { Component, Loading, Problem, RunLink, Table, Tag, words } from './parts.js';

const OUTCOMES = ['completed', 'rejected', 'failed', 'cancelled'];
const SHOWN = 200;

/** A list of runs, in flight and settled. */
export function RunsView() {
  const [component, setComponent] = useState('');
  const [outcome, setOutcome] = useState('');
  const [limit, setLimit] = useState(SHOWN);
  const query = new URLSearchParams({ limit: String(limit) });
  if (component !== '') query.set('component', component);
  if (outcome === 'running') query.set('state', 'running');
  else if (outcome !== '') query.set('outcome', outcome);
  const { data, error } = useData(`hooks/runs?${query}`);
  const config = useData('config');
  const executions = useData('hooks/executions?limit=1000');
  const components = ['agents', 'teams', 'workflows'].flatMap((kind) => config.data?.[kind] ?? []);
  const hooks = hooksByRun(executions.data?.data ?? []);

  return html`
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <label>
        Component
        <select value=${component} onChange=${(event) => setComponent(event.target.value)}>
          <option value="">All</option>
          ${components.map(({ id, name }) => html`<option value=${id}>${name ?? id}</option>`)}
        </select>
      </label>
      <label>
        Outcome
        <select value=${outcome} onChange=${(event) => setOutcome(event.target.value)}>
          <option value="">All</option>
          <option value="running">in flight</option>
          ${OUTCOMES.map((name) => html`<option value=${name}>${name}</option>`)}
        </select>
      </label>
      ${data && html`<p role="status">${count(data.data.length)} of ${count(data.meta.total)} runs</p>`}
    </form>
    <${Problem} error=${error} />
    ${
      !data
        ? html`<${Loading} />`
        : html`<${Table}
            caption="Runs, the latest first"
            empty="No run matches."
            columns=${['Run', 'Component', 'Started', 'Duration', 'Outcome', 'Hooks']}
            rows=${data.data.map((run) => [
              html`<${RunLink} id=${run.run_id} />`,
              words([
                html`<${Component} component=${run.component} />`,
                run.parent_run_id && html`<span class="kind">part</span>`,
              ]),
              time(run.started_at),
              duration(between(run.started_at, run.settled_at)),
              html`<${Tag} value=${run.outcome ?? 'running'} />`,
              [...(hooks.get(run.run_id) ?? [])].map(
                ([state, number]) => html`<${Tag} value=${state} />${number > 1 ? ` × ${number} ` : ' '}`,
              ),
            ])}
          />`
    }
    ${
      data && data.meta.total > data.data.length && limit < 1_000
        ? html`<button type="button" onClick=${() => setLimit(1_000)}>Show more</button>`
        : null
    }
  `;
}

/** How many hooks of each run are in each state. */
function hooksByRun(executions) {
  const runs = new Map();
  for (const { run_id: id, state } of executions) {
    const states = runs.get(id) ?? new Map();
    states.set(state, (states.get(state) ?? 0) + 1);
    runs.set(id, states);
  }
  return runs;
}
