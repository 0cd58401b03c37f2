import { html, useRef, useState } from './htm-preact.js';
import { useData } from './data.js';
import { Problem } from './parts.js';
import { readEvents } from './server.js';
import { Timeline } from './timeline.js';

/** A chat with any component, beside the timeline of its latest run. */
export function TryView() {
  const config = useData('config');
  const [target, setTarget] = useState('');
  const [messages, setMessages] = useState([]);
  const [runId, setRunId] = useState();
  const [problem, setProblem] = useState();
  const [isBusy, setBusy] = useState(false);
  const sessionId = useRef(crypto.randomUUID?.() ?? String(Math.random()).slice(2));
  const input = useRef();
  const targets = ['agents', 'teams', 'workflows'].flatMap((kind) =>
    (config.data?.[kind] ?? []).map(({ id, name }) => ({
      path: `${kind}/${encodeURIComponent(id)}`,
      name: name ?? id,
      kind,
    })),
  );
  const path = target === '' ? targets[0]?.path : target;

  async function send(event) {
    event.preventDefault();
    const message = input.current.value.trim();
    if (message === '' || isBusy || path === undefined) return;
    input.current.value = '';
    setProblem(undefined);
    setBusy(true);
    setMessages((known) => [...known, { from: 'you', text: message }, { from: 'answer', text: '' }]);
    const show = (change) =>
      setMessages((known) => [...known.slice(0, -1), { from: 'answer', text: change(known.at(-1).text) }]);
    const form = new FormData();
    form.set('message', message);
    form.set('stream', 'true');
    form.set('session_id', sessionId.current);
    let root;
    try {
      await readEvents(`${path}/runs`, { method: 'POST', body: form }, (data) => {
        const id = data.run_id ?? data.workflow_run_id;
        if (root === undefined && id !== undefined) {
          root = id;
          setRunId(id);
        }
        if (typeof data.content !== 'string') return;
        if (/(Run|RunContent|Intermediate)Content$|RunContent$/.test(data.event))
          show((text) => text + data.content);
        else if (/Completed$/.test(data.event) && id === root && /^(Team)?Run|^Workflow/.test(data.event))
          show(() => data.content);
        else if (/(Error|Cancelled)$/.test(data.event) && id === root) show(() => data.content);
      });
    } catch (error) {
      setProblem(error);
      setMessages((known) => known.slice(0, -1));
    }
    setBusy(false);
    input.current?.focus();
  }

  return html`
    <div class="try">
      <section aria-label="Chat">
        <label class="target">
          Component
          <select value=${path} onChange=${(event) => setTarget(event.target.value)}>
            ${targets.map((item) => html`<option value=${item.path}>${item.name} (${item.kind.slice(0, -1)})</option>`)}
          </select>
        </label>
        <div class="chat" role="log" aria-live="polite" aria-label="Conversation" tabindex="0">
          ${messages.map(
            ({ from, text }) => html`
              <div class=${`message ${from}`}>
                <span class="hidden">${from === 'you' ? 'You:' : 'Answer:'}</span>
                ${text === '' ? '…' : text}
              </div>
            `,
          )}
        </div>
        <${Problem} error=${problem ?? config.error} />
        <form class="ask" onSubmit=${send}>
          <label class="hidden" for="message">Message</label>
          <input id="message" ref=${input} autocomplete="off" placeholder="Ask something" />
          <button type="submit" disabled=${isBusy}>Send</button>
        </form>
      </section>
      <section aria-label="Timeline">
        ${
          runId === undefined
            ? html`<p class="empty">The timeline of the run appears here.</p>`
            : html`<${LatestRun} id=${runId} />`
        }
      </section>
    </div>
  `;
}

function LatestRun({ id }) {
  const { data, error } = useData(`hooks/runs/${encodeURIComponent(id)}`);
  return html`
    <${Problem} error=${data ? undefined : error} />
    ${
      data
        ? html`<${Timeline} timeline=${data} />
            <p><a href=${`#/runs/${id}`}>This run</a></p>`
        : null
    }
  `;
}
