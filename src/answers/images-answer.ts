import type { ImagesAnswer } from '../contract/image-answers.ts';
import type { StudySource } from './served-study.ts';

/** The images of a study, or those that show `label`, a page of them. */
export function imagesAnswer(
  source: StudySource,
  { label, limit, offset }: { label?: string | undefined; limit: number; offset: number },
): ImagesAnswer {
  const images = source.study.images();
  const counts = new Map<string, number>();
  for (const one of images) if (one.label !== null) counts.set(one.label, (counts.get(one.label) ?? 0) + 1);
  const chosen = label === undefined ? images : images.filter((one) => one.label === label);
  const page = chosen.slice(offset, offset + limit);
  const contexts = source.contexts(page.map(({ context }) => context));
  return {
    images: page.map((one) => ({ ...one, document: contexts.get(one.context)!.document })),
    total: chosen.length,
    labels: Array.from(counts, ([name, count]) => ({ label: name, images: count })).sort((a, b) =>
      a.label.localeCompare(b.label, 'en', { numeric: true }),
    ),
  };
}
