export type Format = 'txt' | 'jsonl' | 'json' | 'csv' | 'parquet';

/** The extensions that are read, as an error message lists them. */
export const KNOWN_EXTENSIONS = '.txt, .jsonl, .ndjson, .json, .csv (each also with .gz), .parquet';

const FORMATS: Record<string, Format> = {
  '.txt': 'txt',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.csv': 'csv',
  '.parquet': 'parquet',
};

/** The format that a file's extension stands for, or undefined. Parquet compresses by itself: `.parquet.gz` is unknown. */
export function formatOf(path: string): { format: Format; gzip: boolean } | undefined {
  const lower = path.toLowerCase();
  const gzip = lower.endsWith('.gz');
  const extension = /\.[^./\\]*$/.exec(gzip ? lower.slice(0, -3) : lower)?.[0] ?? '';
  const format = FORMATS[extension];
  return format === undefined || (gzip && format === 'parquet') ? undefined : { format, gzip };
}
