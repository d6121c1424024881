/** `12`, `1,234`, `-0.5`, `4.0e-5`, `20 %` */
const NUMBER = /^[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?( %)?$/i;

/**
 * A plain text table, two spaces between columns. Columns that hold numbers alone are aligned to the right.
 * @param rows cells as they should appear; each row as long as the header
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = header.map((title, column) => {
    const cells = rows.map((row) => row[column]);
    const width = Math.max(title.length, ...cells.map((cell) => cell.length));
    const isNumeric = cells.every((cell) => NUMBER.test(cell));
    return (cell: string) => (isNumeric ? cell.padStart(width) : cell.padEnd(width));
  });
  const line = (row: readonly string[]) => row.map((cell, column) => columns[column](cell)).join('  ');
  return [header, ...rows].map((row) => line(row).trimEnd()).join('\n');
}
