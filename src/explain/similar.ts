import { toCodes } from '../embed/codes.ts';
import { PolysemeError } from '../errors.ts';
import { describeFeatures } from '../features/describe.ts';
import type { FeatureName } from '../features/names.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import type { Study } from '../study/study.ts';
import { rowsOf } from '../study/vector-rows.ts';
import type { StudyVectors } from '../study/vectors.ts';
import type { BankVectors, VectorKind } from '../study/vectors-file.ts';
import { type Directions, NearestDirections, type NearRow, normalized } from './nearest.ts';
import type { OutputDirections } from './output-directions.ts';
import { nearestByContexts } from './shared-contexts.ts';
import type { Similarity } from './similarities.ts';

/** A study whose features are compared. */
export interface ComparedStudy {
  readonly study: Study;
  readonly vectors: StudyVectors;
  /** What each unit of a bank writes to the residual stream (`outputDirections`); null where it does not. */
  readonly outputs?: (bank: string) => Promise<OutputDirections | null>;
}

/** A feature that is like another one. */
export interface SimilarFeature {
  /** Whether it is of the second study. */
  readonly other: boolean;
  readonly bank: string;
  readonly index: number;
  readonly feature: number;
  readonly similarity: number;
  readonly name: FeatureName | null;
  readonly words: readonly string[];
  /** Its central example. */
  readonly passage: Passage;
}

/** A context and where its peak is. */
export interface Passage extends TokenTexts {
  readonly document: string;
  readonly position: number;
  readonly activation: number;
}

export interface SimilarOptions {
  readonly by: Similarity;
  /** How many, at most. */
  readonly limit: number;
}

/** Directions of one kind and width, and whose they are. */
interface Search {
  readonly of: NearestDirections;
  /** By table. */
  readonly banks: readonly ComparedBank[];
}

/** A bank of one of the studies. */
interface ComparedBank {
  /** Place of its study. */
  readonly side: number;
  readonly vectors: BankVectors;
}

/** A feature, or of output directions a whole unit: the row that is asked for, and those of the same unit. */
interface Asked {
  readonly row: number;
  readonly first: number;
  readonly end: number;
}

/**
 * Finds features that are like a given one among all units and banks of a study, and of a second one where it is given;
 * the unit's own features are left out. What is searched is kept in memory: a byte for each number of a direction.
 *
 * @example
 * const study = openStudy('study.db');
 * const vectors = await openVectors(study);
 * const similar = new SimilarFeatures({ study, vectors });
 * const [{ bank, index }] = study.units({ sort: 'examples', descending: true, limit: 1 });
 * const found = await similar.of(bank, index, 0, { by: 'embedding', limit: 3 });
 * for (const { bank, index, feature, similarity, name } of found) console.log(bank, index, feature, similarity, name?.text);
 * vectors.close();
 * study.close();
 */
export class SimilarFeatures {
  readonly #studies: readonly ComparedStudy[];
  readonly #banks: readonly ComparedBank[];
  readonly #searches = new Map<string, Promise<Search>>();
  #outputs: Promise<OutputSearch> | null = null;

  /** @param studies the study that is asked about, and a second one or none */
  constructor(...studies: readonly [ComparedStudy, ComparedStudy?]) {
    this.#studies = studies.filter((one) => one !== undefined);
    this.#banks = this.#studies.flatMap(({ vectors }, side) =>
      vectors.banks.map((bank) => ({ side, vectors: bank })),
    );
  }

  /**
   * The features most like one, best first.
   * @throws PolysemeError where the unit or feature is unknown, or the studies cannot be compared in this way
   */
  async of(
    bank: string,
    index: number,
    feature: number,
    { by, limit }: SimilarOptions,
  ): Promise<SimilarFeature[]> {
    const { study } = this.#studies[0]!;
    // Complains of a unit that is not there.
    study.words(bank, index);
    const own = this.#banks.find(({ side, vectors }) => side === 0 && vectors.bank === bank)!;
    const { first, count } = rowsOf(own.vectors, index);
    if (feature >= count) {
      const known = count === 0 ? 'it has no examples' : `its features go from 0 to ${count - 1}`;
      throw new PolysemeError(
        `${study.path}: unit ${bank}/${index} has no feature ${feature}: ${known}`,
        'not-found',
      );
    }
    const rows = await this.#nearest(own, { row: first + feature, first, end: first + count }, by, limit);
    return rows.map(({ bank: { side, vectors }, row, similarity }) => {
      const found = { bank: vectors.bank, index: vectors.units[row]!, feature: vectors.features[row]! };
      const of = this.#studies[side]!.study;
      const name = of.names(found.bank, found.index)[found.feature] ?? null;
      const words = of.words(found.bank, found.index)[found.feature] ?? [];
      return { other: side > 0, ...found, similarity, name, words, passage: centralPassage(of, found) };
    });
  }

  async #nearest(own: ComparedBank, asked: Asked, by: Similarity, limit: number) {
    if (by === 'contexts') {
      this.#checkContexts();
      const { contexts, contextEnds } = own.vectors;
      const ids = contexts.subarray(contextEnds[asked.row - 1] ?? 0, contextEnds[asked.row]);
      const tables = this.#banks.map(({ vectors }) => vectors);
      const skip = { ...asked, table: this.#banks.indexOf(own) };
      return named(nearestByContexts(tables, ids, limit, skip), this.#banks);
    }
    if (by === 'output') return this.#nearestOutputs(own, asked, limit);
    const { of, banks } = await this.#search(by, own.vectors.width);
    const vector = own.vectors.vectors(by, asked.row, 1);
    return named(of.nearest(vector, limit, { ...asked, table: banks.indexOf(own) }), banks);
  }

  /** The directions of all banks of a width, taken in once. */
  #search(kind: VectorKind, width: number): Promise<Search> {
    const key = `${kind} ${width}`;
    let search = this.#searches.get(key);
    if (search === undefined) {
      const banks = this.#banks.filter(({ vectors }) => vectors.width === width);
      const tables = banks.map(({ vectors }) => ({
        count: vectors.units.length,
        width,
        codes: () => vectors.codes(kind),
        row: (row: number) => vectors.vectors(kind, row, 1),
      }));
      search = NearestDirections.of(tables).then((of) => ({ of, banks }));
      this.#searches.set(key, search);
      search.catch(() => this.#searches.delete(key));
    }
    return search;
  }

  /** Units by what they write, each as its largest feature. */
  async #nearestOutputs(own: ComparedBank, asked: Asked, limit: number) {
    this.#outputs ??= this.#searchOutputs();
    // The next question tries again.
    this.#outputs.catch(() => {
      this.#outputs = null;
    });
    const { of, tables, banks } = await this.#outputs;
    const table = banks.indexOf(own);
    if (table < 0) {
      throw new PolysemeError(
        `${own.vectors.bank} writes nothing to the residual stream: compare its units in another way (option by)`,
      );
    }
    const row = tables[table]!.rows.indexOf(asked.first);
    const found = of.nearest(tables[table]!.row(row), limit, { table, first: row, end: row + 1 });
    return found.map((one) => ({
      bank: banks[one.table]!,
      row: tables[one.table]!.rows[one.row]!,
      similarity: one.similarity,
    }));
  }

  async #searchOutputs(): Promise<OutputSearch> {
    const banks: ComparedBank[] = [];
    const tables: OutputTable[] = [];
    for (const bank of this.#banks) {
      const { outputs, study } = this.#studies[bank.side]!;
      if (outputs === undefined)
        throw new PolysemeError(`${study.path}: its model is needed to compare outputs`);
      const directions = await outputs(bank.vectors.bank);
      // Streams of two models may differ in width.
      if (directions === null || (tables[0] ?? directions).width !== directions.width) continue;
      banks.push(bank);
      tables.push(outputTable(bank.vectors, directions));
    }
    return { of: await NearestDirections.of(tables), tables, banks };
  }

  /** Contexts have the same numbers only where two studies were made from the same text, cut in the same way. */
  #checkContexts(): void {
    const [one, other] = this.#studies.map(({ study }) => study);
    if (other === undefined) return;
    const digest = one!.madeFrom()?.contexts;
    if (digest !== null && digest !== undefined && digest === other.madeFrom()?.contexts) return;
    throw new PolysemeError(
      `${one!.path} and ${other.path} were made from other contexts, so their features share none: compare them in another way (option by)`,
    );
  }
}

interface OutputTable extends Directions {
  /** Of each row, the first row of the unit among the bank's vectors: its largest feature. */
  readonly rows: readonly number[];
}

interface OutputSearch {
  readonly of: NearestDirections;
  readonly tables: readonly OutputTable[];
  readonly banks: readonly ComparedBank[];
}

/** The output directions of a bank's units that have features. */
function outputTable({ units, features }: BankVectors, { width, rows: all }: OutputDirections): OutputTable {
  const rows = [...units.keys()].filter((row) => features[row] === 0);
  const row = (i: number): Float32Array => {
    const unit = units[rows[i]!]!;
    return all.subarray(unit * width, (unit + 1) * width);
  };
  const codes = () => {
    const directions = new Float32Array(rows.length * width);
    rows.forEach((_, i) => {
      directions.set(normalized(row(i)), i * width);
    });
    return toCodes(directions, width);
  };
  return { count: rows.length, width, rows, row, codes };
}

function named(rows: readonly NearRow[], banks: readonly ComparedBank[]) {
  return rows.map(({ table, row, similarity }) => ({ bank: banks[table]!, row, similarity }));
}

/** The most typical example of a feature. */
function centralPassage(
  study: Study,
  { bank, index, feature }: { bank: string; index: number; feature: number },
): Passage {
  const detail = study.detail(bank, index);
  const { features } = describeFeatures({
    ...study.features(detail),
    activations: detail.activation,
    words: null,
  });
  const { central } = features[feature]!;
  const { document, tokens } = [...study.contexts([detail.context[central]!]).values()][0]!;
  return {
    document,
    ...study.texts(tokens),
    position: detail.position[central]!,
    activation: detail.activation[central]!,
  };
}
