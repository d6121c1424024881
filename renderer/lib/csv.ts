/** A cell of a table: what is shown and what is exported come from the same value. */
export type Cell = string | number | null;

export interface Column {
  readonly key: string;
  readonly title: string;
  /** Numbers are set flush right. */
  readonly numeric?: boolean;
  /** Longer text, which may take several lines. */
  readonly prose?: boolean;
  /** How a value is shown; exports keep the value itself. */
  readonly show?: (value: Cell) => string;
}

export type Row = Readonly<Record<string, Cell>>;

export interface TableData {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** RFC 4180, with a header line. A leading `=`, `+`, `-` or `@` of a text is quoted away from spreadsheets' formulas. */
export function toCsv({ columns, rows }: TableData): string {
  const lines = [
    columns.map(({ title }) => csvCell(title)),
    ...rows.map((row) => columns.map(({ key }) => csvCell(row[key] ?? null))),
  ];
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('');
}

function csvCell(value: Cell): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
