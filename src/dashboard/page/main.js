import { html, render, useEffect, useRef, useState } from './htm-preact.js';
import { followChanges, useConnection } from './data.js';
import { EvaluationsView } from './evaluations.js';
import { HooksView } from './hooks.js';
import { NowView } from './now.js';
import { RunsView } from './runs.js';
import { call, RequestError, securityKey } from './server.js';
import { RunView } from './timeline.js';
import { TryView } from './try.js';

const VIEWS = {
  now: { title: 'Now', view: NowView },
  runs: { title: 'Runs', view: RunsView },
  hooks: { title: 'Hooks', view: HooksView },
  evaluations: { title: 'Evaluations', view: EvaluationsView },
  try: { title: 'Try it', view: TryView },
};

/** The view and its argument in the address, such as `#/runs/<id>`. */
function placeOf(hash) {
  const [name = '', argument = ''] = hash.replace(/^#\/?/, '').split('/');
  return { name: Object.hasOwn(VIEWS, name) ? name : 'now', argument: decodeURIComponent(argument) };
}

function App() {
  const [access, setAccess] = useState('unknown');
  const [place, setPlace] = useState(placeOf(location.hash));

  useEffect(() => {
    const onChange = () => setPlace(placeOf(location.hash));
    addEventListener('hashchange', onChange);
    void enter();
    return () => removeEventListener('hashchange', onChange);
  }, []);

  async function enter() {
    try {
      await call('hooks');
      setAccess('granted');
      void followChanges(() => setAccess('refused'));
    } catch (error) {
      setAccess(error instanceof RequestError && error.needsKey ? 'refused' : 'failed');
    }
  }

  if (access === 'unknown') return html`<p class="loading" role="status">Loading…</p>`;
  if (access === 'failed')
    return html`<main>
      <p class="problem" role="alert">The server does not answer.</p>
      <button type="button" onClick=${enter}>Try again</button>
    </main>`;
  if (access === 'refused') return html`<${KeyForm} onKey=${enter} />`;
  return html`<${Shell} place=${place} />`;
}

/** Asks for the security key, which this tab keeps. */
function KeyForm({ onKey }) {
  const [isWrong, setWrong] = useState(securityKey.get() !== '');
  const input = useRef();
  async function submit(event) {
    event.preventDefault();
    securityKey.set(input.current.value.trim());
    await onKey();
    setWrong(true);
  }
  return html`
    <main class="key">
      <h1>AgentOS dashboard</h1>
      <form onSubmit=${submit}>
        <label for="key">Security key</label>
        <input id="key" ref=${input} type="password" autocomplete="off" required />
        <button type="submit">Open</button>
        ${isWrong ? html`<p class="problem" role="alert">The server did not accept the key.</p>` : null}
        <p>The key stays in this tab of the browser.</p>
      </form>
    </main>
  `;
}

function Shell({ place: { name, argument } }) {
  const heading = useRef();
  const isFirst = useRef(true);
  const isConnected = useConnection();
  const { title, view: View } = VIEWS[name];
  const isRun = name === 'runs' && argument !== '';
  const shown = isRun ? 'Run' : title;

  // A screen reader and the keyboard continue at the new view.
  useEffect(() => {
    document.title = `${shown} – AgentOS dashboard`;
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [name, argument]);

  return html`
    <header>
      <span class="brand">AgentOS</span>
      <nav aria-label="Views">
        ${Object.entries(VIEWS).map(
          ([id, { title: text }]) =>
            html`<a href=${`#/${id}`} aria-current=${id === name ? 'page' : undefined}>${text}</a>`,
        )}
      </nav>
      <span class=${isConnected ? 'live' : 'live lost'} role="status">
        ${isConnected ? 'live' : 'reconnecting…'}
      </span>
    </header>
    <main>
      <h1 ref=${heading} tabindex="-1">${shown}</h1>
      ${isRun ? html`<${RunView} key=${argument} id=${argument} />` : html`<${View} />`}
    </main>
  `;
}

render(html`<${App} />`, document.getElementById('app'));
