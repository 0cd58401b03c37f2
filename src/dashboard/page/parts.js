/** Components that several views share. */
import { html } from './htm-preact.js';

/** A label for a state, an outcome or a mode: a colour, a shape and a word. */
export function Tag({ value }) {
  return html`<span class=${`tag tag-${value}`}>${String(value).replace('_', ' ')}</span>`;
}

/** The problem of a request, or nothing. */
export function Problem({ error }) {
  return error ? html`<p class="problem" role="alert">${error.message}</p>` : null;
}

export function Loading() {
  return html`<p class="loading" role="status">Loading…</p>`;
}

/**
 * A table that scrolls inside its box where it is too wide.
 *
 * @param {{ caption: string, columns: string[], rows: any[][], empty: string }} props
 */
export function Table({ caption, columns, rows, empty }) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  return html`
    <div class="scroll" role="region" aria-label=${caption} tabindex="0">
      <table>
        <caption>
          ${caption}
        </caption>
        <thead>
          <tr>
            ${columns.map((column) => html`<th scope="col">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (cells) => html`
              <tr>
                ${cells.map((cell) => html`<td>${cell}</td>`)}
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** Things beside each other with a space between them; without those that are not there. */
export function words(items) {
  return items.filter(Boolean).flatMap((item, index) => (index === 0 ? [item] : [' ', item]));
}

export function RunLink({ id, children }) {
  return html`<a href=${`#/runs/${encodeURIComponent(id)}`}>${children ?? id.slice(0, 8)}</a>`;
}

export function Component({ component }) {
  return html`${component.name} <span class="kind">${component.kind}</span>`;
}

/** Numbers with names. */
export function Tiles({ tiles }) {
  return html`
    <dl class="tiles">
      ${tiles.map(
        ({ name, value, isBad }) => html`
          <div class=${isBad ? 'tile bad' : 'tile'}>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>
        `,
      )}
    </dl>
  `;
}
