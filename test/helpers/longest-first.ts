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

/** Runs the longest files first, and the others in the order of Vitest: as long as they took before, or large ones first. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
