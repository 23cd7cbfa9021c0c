import { type CsvValue, csvText } from '../../../src/base/csv.ts';

/** Saves rows as comma-separated values. */
export function saveCsv(name: string, rows: readonly (readonly CsvValue[])[]): void {
  saveBlob(`${name}.csv`, new Blob([csvText(rows)], { type: 'text/csv' }));
}

/** Saves a value as JSON. */
export function saveJson(name: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 1)}\n`;
  saveBlob(`${name}.json`, new Blob([text], { type: 'application/json' }));
}

/** Gives the reader a file. */
export function saveBlob(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
