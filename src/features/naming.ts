import { spelledAt } from '../tokenizer/byte-tokens.ts';
import type { NamedExample } from './names.ts';
import { PlaceIndex, PlaceReader, type Sequence } from './places.ts';
import type { TokenTexts } from './split-unit.ts';
import { allWordTexts, wordTokens } from './word-texts.ts';

/** A token sequence as words see it (`wordTexts`), and a position in it. */
export interface TextPlace {
  readonly texts: readonly string[];
  readonly position: number;
}

/** Sequences kept between units: about 2 KiB each. */
const KEPT = 20_000;

/**
 * What features are named with: facts of places in texts, and random places to compare with. See `nameFeatures`.
 * @example
 * const naming = new NamingTexts([{ texts: [' the', ' court'], position: 1 }]);
 * console.log(naming.example(0, 1, () => [' the', ' ship']).position); // 1
 */
export class NamingTexts {
  readonly reader = new PlaceReader();
  readonly index: PlaceIndex;
  readonly #sequences = new Map<number, Sequence>();

  /** @param places random text positions */
  constructor(places: Iterable<TextPlace>) {
    this.index = new PlaceIndex(
      Array.from(places, ({ texts, position }) => this.#facts(this.reader.sequence(texts), position)),
    );
  }

  /** An example of a unit as it is named. @param texts of its context, asked for where they are not known yet */
  example(context: number, position: number, texts: () => readonly string[]): NamedExample {
    let sequence = this.#sequences.get(context);
    if (sequence === undefined) {
      if (this.#sequences.size === KEPT) this.#sequences.clear();
      sequence = this.reader.sequence(texts());
      this.#sequences.set(context, sequence);
    }
    return { context, position, facts: this.#facts(sequence, position) };
  }

  #facts(sequence: Sequence, position: number): Float64Array {
    return this.reader.facts(sequence, spelledAt(sequence.texts, position));
  }
}

/** A unit's examples as they are named. @param contexts those of its examples, with their texts */
export function namedExamples(
  naming: NamingTexts,
  { context, position }: { readonly context: Uint32Array; readonly position: Uint32Array },
  contexts: ReadonlyMap<number, TokenTexts>,
): NamedExample[] {
  return Array.from(context, (id, i) =>
    naming.example(id, position[i]!, () => allWordTexts(wordTokens(contexts.get(id)!))),
  );
}
