import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first: begun last, one of them would keep a single worker busy at the end. */
const LONGEST = [
  'run/content-hash',
  'run/interruption',
  'package/docs',
  'sae/trainer/gpu',
  'run/shards',
  'package/scaling',
  'train/train',
  'browser/explorer',
  'browser/explorer-images',
  'package/install',
  'browser/site',
  'package/examples',
  'package/cli-errors',
];

/**
 * Runs the longest files first, then project after project, and in each the files in the order of Vitest: as long as they
 * took before, or large ones first. A process that files share ends where one of another project is next.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = this.ctx.projects.map(({ name }) => name);
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place === -1 ? LONGEST.length + projects.indexOf(project.name) : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
