import { httpSource } from './http-source.ts';
import type { Source } from './source.ts';

let chosen: Source = httpSource;

/** The source of this page. */
export function source(): Source {
  return chosen;
}

/** Chooses another source, before the first page is shown. */
export function chooseSource(source: Source): void {
  chosen = source;
}
