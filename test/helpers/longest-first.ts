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
 * Runs project after project, as a process that files share ends where one of another project is next; in each the longest
 * files first, then the others in the order of Vitest: as long as they took before, or large ones first.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = this.ctx.projects.map(({ name }) => name);
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return (LONGEST.length + 1) * projects.indexOf(project.name) + (place === -1 ? LONGEST.length : place);
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
