import { cellText, type Table } from './table.js';

/** A piece of HTML known to be safe to insert: everything in it was escaped or written by us. */
export class Markup {
  constructor(readonly text: string) {}
}

type Insertable = Markup | string | number | readonly Insertable[];

/** Template tag that escapes every inserted value which is not itself `Markup`. */
export function html(strings: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  return new Markup(strings.reduce((text, part, index) => text + render(values[index - 1]!) + part));
}

/** Escapes text for element content and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** The first column heads its row; numeric columns are right-aligned. */
export function tableMarkup(table: Table, caption: string): Markup {
  const numeric = table.columns.map((column) => column.format !== undefined);
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${table.columns.map(({ label }, index) => html`<th scope="col" class="${numeric[index] ? 'number' : 'text'}">${label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${table.rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, index) => {
                const text = cellText(cell, table.columns[index]!);
                const alignment = numeric[index] ? 'number' : 'text';
                return index === 0
                  ? html`<th scope="row" class="${alignment}">${text}</th>`
                  : html`<td class="${alignment}">${text}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function render(value: Insertable): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  return value.map(render).join('');
}
