import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { linkageMethods } from '../cluster/linkage-methods.ts';
import type { StudyAnswer } from '../contract/study-answers.ts';
import { METRICS } from '../polysemy/column-lists.ts';
import type { StudySource } from './served-study.ts';

/** The version of this package. */
export const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

/** A study's account of itself. */
export function studyAnswer({ study, info }: StudySource): StudyAnswer {
  return {
    version,
    name: basename(study.path),
    status: info.status,
    model: { ...info.model },
    data: { ...info.data },
    options: { ...info.options },
    banks: [...info.banks],
    documents: info.documents,
    sinks: info.sinks,
    duplicateDocuments: info.duplicateDocuments,
    documentsKept: study.hasDocuments(),
    contexts: info.contexts,
    tokens: info.tokens,
    examples: info.examples,
    contentHash: info.contentHash,
    metrics: [...METRICS],
    linkages: [...linkageMethods],
  };
}
