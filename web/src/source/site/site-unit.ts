import type { ClusteredUnit } from '../../../../src/answers/clustering.ts';
import { mapAnswer } from '../../../../src/answers/map.ts';
import { HttpProblem } from '../../../../src/answers/problem.ts';
import { mergeRows } from '../../../../src/answers/shown.ts';
import { fourDigits, plain } from '../../../../src/answers/wire.ts';
import { unpackRows } from '../../../../src/base/half.ts';
import type { PackedArray } from '../../../../src/base/pack.ts';
import { unpackSmallNumbers } from '../../../../src/base/small-numbers.ts';
import type { LinkageMethod } from '../../../../src/cluster/linkage-methods.ts';
import type { Tree } from '../../../../src/cluster/tree.ts';
import {
  fromSixteenBits,
  type SiteExample,
  type SiteUnit,
  type SiteUnitArrays,
} from '../../../../src/contract/site.ts';
import { fromPlanes, unpackTree } from '../../../../src/contract/site-arrays.ts';
import { pairCount } from '../../../../src/embed/condensed.ts';
import { zeroRowsOf } from '../../../../src/embed/gram.ts';
import { principalComponents } from '../../../../src/embed/pca.ts';
import { PolysemeError } from '../../../../src/errors.ts';
import type { StoredNames } from '../../../../src/features/describe.ts';
import type { Labeling } from '../../../../src/features/labeling.ts';
import type { Example, Unit, UnitMap } from '../answers.ts';
import type { ShownTexts, SiteTexts } from './site-texts.ts';

/** A unit of a site: what is answered of it, and what it is cut anew from. */
export class SiteUnitData implements ClusteredUnit {
  readonly position: Uint32Array;
  readonly context: Uint32Array;
  readonly activation: Float32Array;
  readonly own: Labeling;
  readonly auto: ClusteredUnit['auto'];
  readonly names: StoredNames;
  readonly distances: Float32Array | null;
  readonly noted: Pick<SiteUnit, 'notes' | 'modelNames'>;
  readonly #unit: SiteUnit['unit'];
  readonly #arrays: SiteUnitArrays;
  readonly #texts: SiteTexts;
  readonly #examples: readonly SiteExample[];
  #contexts: ReadonlyMap<number, ShownTexts> | null = null;

  constructor(arrays: SiteUnitArrays, texts: SiteTexts) {
    const { unit, ...noted } = JSON.parse(new TextDecoder().decode(arrays.head)) as SiteUnit;
    const { activation, labels, centrals, stray, autoLabels, autoStray, distances } = arrays;
    const count = activation.length;
    const examples = new Array<SiteExample>(count);
    for (const feature of unit.features) {
      for (const example of feature.examples) if (example.id < count) examples[example.id] = example;
    }
    checkLengths(arrays);
    this.#unit = unit;
    this.#arrays = arrays;
    this.#texts = texts;
    this.#examples = examples;
    this.noted = noted;
    this.context = Uint32Array.from(examples, ({ context }) => context);
    this.position = Uint32Array.from(examples, ({ position }) => position);
    this.activation = activation;
    this.own = stray === undefined ? { labels, centrals } : { labels, centrals, stray };
    this.auto =
      autoLabels === undefined
        ? null
        : { labels: autoLabels, ...(autoStray === undefined ? {} : { stray: autoStray }) };
    this.names = {
      names: unit.features.map(({ name }) => name),
      words: unit.features.map(({ words }) => words),
    };
    this.distances = distances === undefined ? null : fromSixteenBits(distances);
  }

  get count(): number {
    return this.activation.length;
  }

  wordCounts() {
    return this.#texts.wordCounts;
  }

  naming() {
    return this.#texts.naming;
  }

  tree(method: LinkageMethod): Tree {
    const arrays = this.#arrays as unknown as Record<string, PackedArray | undefined>;
    const [pairs, heights] = [arrays[`pairs_${method}`], arrays[`heights_${method}`]];
    if (pairs !== undefined && heights !== undefined)
      return unpackTree(this.count, pairs as Uint8Array | Uint32Array, heights as Float64Array);
    throw new HttpProblem(422, `this site has the unit’s own tree alone: it has ${this.count} examples`);
  }

  contexts(): ReadonlyMap<number, ShownTexts> {
    if (this.#contexts !== null) return this.#contexts;
    const { contexts, offset } = this.#arrays;
    const tokens = unpackSmallNumbers(this.#arrays.tokens, offset.at(-1) ?? 0);
    const labels = new Map<number, string | null | undefined>();
    for (const { examples } of this.#unit.features) {
      for (const { context, image } of examples) labels.set(context, image?.label);
    }
    this.#contexts = new Map(
      Array.from(contexts, (id, i) => [
        id,
        { ...this.#texts.of(tokens.subarray(offset[i]!, offset[i + 1]!)), label: labels.get(id) },
      ]),
    );
    return this.#contexts;
  }

  /** The tokens of a context, as the site numbers them. */
  tokenNumbers(context: number): Uint32Array {
    const { contexts, offset, tokens: packed } = this.#arrays;
    const at = contexts.indexOf(context);
    const tokens = unpackSmallNumbers(packed, offset.at(-1) ?? 0);
    return tokens.subarray(offset[at]!, offset[at + 1]!);
  }

  /** The features, without the tokens of their examples. */
  get features(): SiteUnit['unit']['features'] {
    return this.#unit.features;
  }

  /** An example, without its tokens. */
  example(id: number): SiteExample {
    return this.#examples[id]!;
  }

  /** The unit as it is answered. */
  answer(): Unit {
    const { windowScales } = this.#arrays;
    const windows = fromPlanes(this.#arrays.windows);
    const contexts = this.contexts();
    const length = windows.length / Math.max(1, this.count);
    const values = unpackRows(windows, windowScales, length);
    const whole = ({ id, context, ...example }: SiteExample): Example => {
      const { tokens, special } = contexts.get(context)!;
      return {
        id,
        context,
        ...example,
        tokens: [...tokens],
        special: [...special],
        activations: Array.from(values.subarray(id * length, id * length + tokens.length), fourDigits),
      };
    };
    return {
      ...this.#unit,
      merges: plain<Unit['merges']>(mergeRows(this.tree(this.#unit.linkage).merges)),
      features: this.#unit.features.map((feature) => ({
        ...feature,
        examples: feature.examples.map(whole),
      })),
    };
  }

  map(vectors: boolean): UnitMap {
    const { x, y, variance } = this.#arrays;
    if (x === undefined || y === undefined || variance === undefined) {
      throw new HttpProblem(422, `this site has no map of the unit: it has ${this.count} examples`);
    }
    if (!vectors) return { x, y, variance };
    const { distances, count } = this;
    if (distances === null) {
      throw new HttpProblem(422, `this site has no distances of a unit with ${count} examples`);
    }
    // Principal components follow from the distances; of the rows it matters only which are zero.
    const rows = Float32Array.from(zeroRowsOf(distances, count), (zero) => 1 - zero);
    const components = (wanted: number) =>
      principalComponents({ rows, count, components: wanted, distances });
    return mapAnswer({ count, components }, true) as UnitMap;
  }
}

/** What is gone over is no longer than the file: lengths that do not fit together are damage, not a unit without end. */
function checkLengths({ activation, labels, distances, contexts, offset }: SiteUnitArrays): void {
  const count = activation.length;
  const fits =
    labels.length === count &&
    (distances === undefined || distances.length === pairCount(count)) &&
    offset.length === contexts.length + 1 &&
    offset.every((at, i) => at >= (offset[i - 1] ?? 0));
  if (!fits)
    throw new PolysemeError('a unit of this site is damaged: its lengths do not fit together', 'damaged');
}
