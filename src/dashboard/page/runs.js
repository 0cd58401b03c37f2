import { html, useRef, useState } from './htm-preact.js';
import { useData } from './data.js';
import { between, count, counted, duration, time } from './format.js';
import { Component, Loading, Problem, RunLink, Table, Tag, words } from './parts.js';

const OUTCOMES = ['completed', 'rejected', 'failed', 'cancelled'];
/** Runs on a page: more rows would make the view slow, and nobody reads them. */
const LIMIT = 100;

/** A list of runs, in flight and settled, page by page. */
export function RunsView() {
  const [component, setComponent] = useState('');
  const [outcome, setOutcome] = useState('');
  const [page, setPage] = useState(1);
  const query = new URLSearchParams({ limit: String(LIMIT), page: String(page) });
  if (component !== '') query.set('component', component);
  if (outcome === 'running') query.set('state', 'running');
  else if (outcome !== '') query.set('outcome', outcome);
  const { data, error } = useData(`hooks/runs?${query}`);
  // Of the page before while the next one is read, so that the buttons, and with them the focus, stay.
  const total = useRef(0);
  if (data) total.current = data.meta.total;
  const config = useData('config');
  const components = ['agents', 'teams', 'workflows'].flatMap((kind) => config.data?.[kind] ?? []);
  const narrow = (set) => (event) => {
    set(event.target.value);
    setPage(1);
  };

  return html`
    <form class="filters" onSubmit=${(event) => event.preventDefault()}>
      <label>
        Component
        <select value=${component} onChange=${narrow(setComponent)}>
          <option value="">All</option>
          ${components.map(({ id, name }) => html`<option value=${id}>${name ?? id}</option>`)}
        </select>
      </label>
      <label>
        Outcome
        <select value=${outcome} onChange=${narrow(setOutcome)}>
          <option value="">All</option>
          <option value="running">in flight</option>
          ${OUTCOMES.map((name) => html`<option value=${name}>${name}</option>`)}
        </select>
      </label>
      ${data && html`<p role="status">${rangeOf(data)}</p>`}
    </form>
    <${Problem} error=${error} />
    ${
      !data
        ? html`<${Loading} />`
        : html`<${Table}
            caption="Runs, the latest first"
            empty=${page > 1 ? 'There are no runs on this page.' : 'No run matches.'}
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
              Object.entries(run.hooks).map(
                ([state, number]) => html`<${Tag} value=${state} />${number > 1 ? ` × ${number} ` : ' '}`,
              ),
            ])}
          />`
    }
    <${Pages} page=${page} isLast=${page * LIMIT >= total.current} onPage=${setPage} />
  `;
}

/** Buttons for the pages before and after this one. */
function Pages({ page, isLast, onPage }) {
  if (page === 1 && isLast) return null;
  return html`
    <nav class="pages" aria-label="Pages">
      <button type="button" disabled=${page === 1} onClick=${() => onPage(page - 1)}>Later runs</button>
      <button type="button" disabled=${isLast} onClick=${() => onPage(page + 1)}>Earlier runs</button>
    </nav>
  `;
}

function rangeOf({ data, meta: { page, limit, total } }) {
  if (data.length === 0) return counted(total, 'run');
  const start = (page - 1) * limit;
  return `${count(start + 1)} to ${count(start + data.length)} of ${counted(total, 'run')}`;
}
