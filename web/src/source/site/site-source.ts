import { clusteringAnswer, type OwnClustering } from '../../../../src/answers/clustering.ts';
import { HttpProblem } from '../../../../src/answers/problem.ts';
import { randomUnit } from '../../../../src/answers/units-page.ts';
import { plain } from '../../../../src/answers/wire.ts';
import { MOST_UNITS } from '../../../../src/bank/bank-name.ts';
import { block, imageFile, SITE_FORMAT, type SiteHead } from '../../../../src/contract/site.ts';
import { PolysemeError } from '../../../../src/errors.ts';
import type { Clustering } from '../answers.ts';
import { ApiError } from '../http.ts';
import type { ModelQuestions, PageModel, Source } from '../source.ts';
import { pageModel } from './model/page-model.ts';
import { problemOf } from './problems.ts';
import { siteComparison, siteMatched } from './site-compare.ts';
import { type ReadFile, SiteFiles } from './site-files.ts';
import { SiteSearch } from './site-search.ts';
import { SiteTable } from './site-table.ts';
import { siteUnits } from './site-units.ts';

/**
 * The files of an exported site.
 * @param base address of the folder of its data, for images and the model
 * @param openModel of a site that has a model
 * @throws ApiError where there is no site, or one of another version
 */
export async function openSite(
  read: ReadFile,
  base: string,
  openModel: (base: string, head: SiteHead) => PageModel = pageModel,
): Promise<Source> {
  const files = new SiteFiles(read);
  const head = await files.plain<SiteHead>('site.json');
  if (head?.format !== SITE_FORMAT) {
    const layouts = `of layout ${head?.format}, its pages of ${SITE_FORMAT}`;
    throw new ApiError(500, `The data of this site is ${layouts}: export it anew.`);
  }
  try {
    checkCounts(head);
    return ofHead(files, head, base, openModel);
  } catch (error) {
    throw sourceProblem(error);
  }
}

/** Tables are as long as the head says: a number that cannot be is no length of an array. */
function checkCounts({ units, study: { banks } }: SiteHead): void {
  const all = banks.reduce((sum, bank) => sum + bank.units, 0);
  const isCount = (count: number, most: number) => Number.isInteger(count) && count >= 0 && count <= most;
  if (isCount(units, all) && banks.every((bank) => isCount(bank.units, MOST_UNITS))) return;
  throw new ApiError(500, 'A file of this site is damaged (site.json): copy the folder anew.');
}

function ofHead(
  files: SiteFiles,
  head: SiteHead,
  base: string,
  openModel: (base: string, head: SiteHead) => PageModel,
): Source {
  const { options } = head.study;
  const table = new SiteTable(files, head);
  const { unit, naming } = siteUnits(files, head);
  const clustering = {
    linkage: options['linkage'],
    threshold: options['threshold'],
    rule: options['features'] === 'auto' ? 'auto' : 'cut',
  } as OwnClustering;

  const search = new SiteSearch(files, head, table, unit);

  const model = head.model === undefined ? null : openModel(base, head);

  return inProblems({
    isSite: true,
    pageModel: model,
    ...(model?.questions ?? NO_MODEL),
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

/** The answers of a site without its model. */
const NO_MODEL: ModelQuestions = Object.fromEntries(
  ['probe', 'unitProbe', 'importance', 'ablation'].map((question) => [
    question,
    async () => {
      throw new HttpProblem(
        422,
        'this copy of the study has no model (polyseme export --with-model adds it)',
      );
    },
  ]),
) as unknown as ModelQuestions;

/** Data that is not as an export writes it fails anywhere: the page says what that means. */
function sourceProblem(error: unknown): unknown {
  if (error instanceof HttpProblem || error instanceof PolysemeError) return problemOf(error);
  if (error instanceof ApiError || error instanceof DOMException || !(error instanceof Error)) return error;
  const why = error.message.slice(0, 200);
  return new ApiError(500, `The data of this site cannot be read (${why}): copy or export it anew.`);
}

/** A source whose errors are those that pages know. */
function inProblems(source: Source): Source {
  const entries = Object.entries(source).map(([name, answer]) => {
    if (typeof answer !== 'function' || name === 'image') return [name, answer];
    const inProblem = async (...asked: unknown[]): Promise<unknown> => {
      try {
        return await (answer as (...asked: unknown[]) => Promise<unknown>)(...asked);
      } catch (error) {
        throw sourceProblem(error);
      }
    };
    return [name, inProblem];
  });
  return Object.fromEntries(entries) as Source;
}
