import { visible } from '../base/visible.ts';
import type { StudyInfo } from '../study/study.ts';
import { number } from './terminal.ts';

/** Sites that are named. */
const SHOWN = 6;

/** What of the text was not read, or may be no example, in lines; none where all was and may. */
export function leftOut({ documents, duplicateDocuments, tokens, sinks, options }: StudyInfo): string[] {
  const lines: string[] = [];
  if (duplicateDocuments !== null && duplicateDocuments > 0) {
    lines.push(
      `${number(duplicateDocuments)} of ${number(documents ?? 0)} documents repeat an earlier one and were not read again (--keep-duplicates)`,
    );
  }
  const found = Object.entries(sinks ?? {}).filter(([, { positions }]) => positions > 0);
  if (found.length > 0) {
    const sites = found
      .slice(0, SHOWN)
      .map(([site, { positions }]) => `${number(positions)} at ${visible(site)}`);
    const more = found.length > SHOWN ? `, and at ${found.length - SHOWN} more sites` : '';
    lines.push(
      `attention sinks, which are no examples: ${sites.join(', ')}${more} of ${number(tokens ?? 0)} positions have a norm above ${visible(String(options['sinkMultiple']))} × the median (--sink-multiple)`,
    );
  }
  return lines;
}
