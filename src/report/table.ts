/** A table of the report: the same rows become HTML, the twin of a figure, and a CSV file with every digit. */

export type Cell = string | number | null;

export interface Column {
  /** Header in the page, with the unit. */
  readonly label: string;
  /** Header in the CSV file: snake case, unit included. */
  readonly name: string;
  /** How a number is shown in the page; text columns have none. */
  readonly format?: (value: number) => string;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** What the page shows for a cell. */
export function cellText(cell: Cell, column: Column): string {
  if (cell === null) return '–';
  return typeof cell === 'number' ? (column.format?.(cell) ?? String(cell)) : cell;
}

/** RFC 4180 with a header line and full precision; empty for null. */
export function tableCsv(table: Table): string {
  const lines = [table.columns.map(({ name }) => name), ...table.rows];
  return lines.map((line) => line.map(csvField).join(',')).join('\r\n') + '\r\n';
}

function csvField(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
