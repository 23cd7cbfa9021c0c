import { clusteringAnswer, type OwnClustering } from '../../../../src/answers/clustering.ts';
import { HttpProblem, noBank, noUnit } from '../../../../src/answers/problem.ts';
import { randomUnit } from '../../../../src/answers/units-page.ts';
import { plain } from '../../../../src/answers/wire.ts';
import {
  block,
  imageFile,
  SITE_FORMAT,
  type SiteHead,
  type SiteNaming,
  type SiteTokens,
  type SiteUnitArrays,
} from '../../../../src/contract/site.ts';
import { PolysemeError } from '../../../../src/errors.ts';
import type { Clustering } from '../answers.ts';
import { ApiError } from '../http.ts';
import type { Source } from '../source.ts';
import { Kept, once } from './kept.ts';
import { siteComparison, siteMatched } from './site-compare.ts';
import { type ReadFile, SiteFiles } from './site-files.ts';
import { SiteSearch } from './site-search.ts';
import { SiteTable } from './site-table.ts';
import { SiteTexts } from './site-texts.ts';
import { SiteUnitData } from './site-unit.ts';

/** Units that are kept: those whose passages a search shows, or that were looked at. */
const KEPT_UNITS = 64;

/**
 * The files of an exported site.
 * @param base address of the folder of its data, for images
 * @throws ApiError where there is no site, or one of another version
 */
export async function openSite(read: ReadFile, base: string): Promise<Source> {
  const files = new SiteFiles(read);
  const head = await files.plain<SiteHead>('site.json');
  if (head.format !== SITE_FORMAT) {
    const layouts = `of layout ${head.format}, its pages of ${SITE_FORMAT}`;
    throw new ApiError(500, `The data of this site is ${layouts}: export it anew.`);
  }
  const { options, banks, status } = head.study;
  const table = new SiteTable(files, head);
  const texts = once(async () => new SiteTexts(await files.json<SiteTokens>(block.tokens)));
  const naming = once(async () => {
    const [shared, found] = await Promise.all([texts(), files.json<SiteNaming>(block.naming)]);
    shared.setNaming(found);
  });
  const units = new Kept(KEPT_UNITS, async (place: string) => {
    const arrays = files.arrays<SiteUnitArrays>(place);
    const shared = texts();
    shared.catch(() => {});
    return new SiteUnitData(await arrays, await shared);
  });
  const clustering = {
    linkage: options['linkage'],
    threshold: options['threshold'],
    rule: options['features'] === 'auto' ? 'auto' : 'cut',
  } as OwnClustering;

  async function unit(bank: string, index: number): Promise<SiteUnitData> {
    const names = banks.map(({ name }) => name);
    const id = names.indexOf(bank);
    if (id < 0) throw noBank(bank, names);
    if (index >= banks[id]!.units) throw noUnit(bank, index, banks[id]!.units);
    try {
      return await units.get(block.unit(id, index));
    } catch (error) {
      const isMissing = error instanceof ApiError && error.status === 404;
      throw isMissing && status === 'unfinished' ? noUnit(bank, index, banks[id]!.units) : error;
    }
  }

  const search = new SiteSearch(files, head, table, unit);

  return inProblems({
    isSite: true,
    served: async () => ({ study: true, trainings: false, queue: false }),
    study: async () => head.study,
    banks: (signal) => files.json(block.banks, signal),
    units: async (params) => table.units(params, await search.rows(params['q'] as string | undefined)),
    metrics: (signal) => table.figures(signal),
    unit: async (bank, index) => (await unit(bank, index)).answer(),
    async clustering(bank, index, { linkage, cut }) {
      const [own] = await Promise.all([unit(bank, index), naming()]);
      const asked = cut === 'auto' ? { features: cut } : { threshold: cut };
      return plain<Clustering>(clusteringAnswer(own, { linkage, ...asked }, clustering));
    },
    async certainty() {
      throw new HttpProblem(422, 'how sure features are is computed from what this site does not hold');
    },
    distances: async (bank, index) => (await unit(bank, index)).distances,
    map: async (bank, index, vectors) => (await unit(bank, index)).map(vectors),
    search: (params) => search.answer(params),
    compare: (names, signal) => siteComparison(files, head, names, signal),
    matched: (names, signal) => siteMatched(files, head, table, names, signal),
    random: async (bank) => randomUnit(await table.table(['examples']), bank),
    notes: async (bank, index) => (await unit(bank, index)).noted.notes,
    allNotes: (signal) => files.json(block.notes, signal),
    modelNames: async (bank, index) => (await unit(bank, index)).noted.modelNames,
    async document() {
      throw new HttpProblem(422, 'documents are not in this copy of the study');
    },
    image: (context) => new URL(imageFile(context), base).href,
  });
}

/** A source whose errors are those that pages know. */
function inProblems(source: Source): Source {
  const entries = Object.entries(source).map(([name, answer]) => {
    if (typeof answer !== 'function' || name === 'image') return [name, answer];
    const inProblem = async (...asked: unknown[]): Promise<unknown> => {
      try {
        return await (answer as (...asked: unknown[]) => Promise<unknown>)(...asked);
      } catch (error) {
        if (error instanceof HttpProblem) throw new ApiError(error.status, error.message);
        if (error instanceof PolysemeError) throw new ApiError(422, error.message);
        throw error;
      }
    };
    return [name, inProblem];
  });
  return Object.fromEntries(entries) as Source;
}
