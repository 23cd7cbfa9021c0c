/** What a cell of a table holds; null is an empty cell. */
export type CsvValue = string | number | null;

/**
 * A cell of comma-separated values (RFC 4180). A text that a spreadsheet would take for a formula, as it begins with
 * `=`, `+`, `-`, `@`, tab or CR, gets an apostrophe before it. Numbers stay as they are.
 *
 * @example
 * console.log(csvCell('=1+1'), csvCell(-1)); // '=1+1 -1
 */
export function csvCell(value: CsvValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as a CSV document. */
export function csvText(rows: readonly (readonly CsvValue[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}
