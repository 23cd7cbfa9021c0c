import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { type ImageGrid, imageGrid } from '../../../src/contract/image-grid.ts';
import type { Bank, Study } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { studyQuery } from '../source/query-options.ts';

/** How the model of the study reads images, with its classes as they are shown; null of a study of text, and until it is known. */
export function useImages(): ImageGrid | null {
  const { data } = useQuery(studyQuery);
  return useMemo(() => {
    const grid = data === undefined ? null : imageGrid(data.model);
    return grid && { ...grid, classes: grid.classes?.map(visible) ?? null };
  }, [data]);
}

/** Whether the weights of a bank's units are pictures: they read pixels, as a plain MLP's first layer does. A site has no weights. */
export function readsPixels(
  { channels, height, width, patch }: ImageGrid,
  bank: Pick<Bank, 'site' | 'width'> | Study['banks'][number] | undefined,
): boolean {
  return (
    !source().isSite &&
    patch === null &&
    bank?.site === 'blocks.0.mlp.hook_in' &&
    bank.width === channels * height * width
  );
}

/** What statistics of a study are over: tokens, images, or the patches of images. */
export function tokenNoun(images: ImageGrid | null): string {
  return images === null ? 'text tokens' : images.patch === null ? 'images' : 'patches';
}
