import { type ImageGrid, patchBox } from '../contract/image-grid.ts';
import type { SearchAnswer } from '../contract/search-answers.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import { showPassage } from '../search/shown-passage.ts';
import type { Search } from './search.ts';
import { fourDigits } from './wire.ts';

/** The example that is shown of what a search found. */
export interface FoundExample {
  readonly example: number;
  readonly feature: number;
  readonly activation: number;
  readonly context: number;
  readonly position: number;
  /** Its context; `label`: what an image shows, undefined of text. */
  readonly shown: TokenTexts & { readonly document: string; readonly label?: string | null | undefined };
  readonly grid: ImageGrid | null;
}

/** A passage that a search found, with what it found in it marked; or an image. */
export function foundPassage(
  { query, parts }: Pick<Search, 'query' | 'parts'>,
  { activation, position, shown, grid, ...at }: FoundExample,
): NonNullable<SearchAnswer['units'][number]['passage']> {
  const answer = { ...at, activation: fourDigits(activation), document: shown.document };
  if (shown.label !== undefined) {
    const image = { label: shown.label, box: patchBox(grid, position) };
    return { ...answer, image, position: 0, tokens: [], special: [], marked: [] };
  }
  const { tokens, special, marked, ...rest } = showPassage(shown, position, query.terms, parts);
  return { ...answer, tokens: [...tokens], special: [...special], marked: [...marked], ...rest };
}
