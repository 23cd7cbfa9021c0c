import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { largestOf } from '../images/signed-picture.tsx';
import type { Unit } from '../source/answers.ts';
import { vectorsQuery } from '../source/image-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { readsPixels, useImages } from '../ui/use-images.ts';

/** Features whose central examples are drawn with their embeddings. */
const MOST = 60;
/** Milliseconds for which a cut has to stand still before embeddings are asked for. */
const WAIT = 200;

/** How the features of a unit of a model of images are drawn. */
export interface Pictures {
  readonly grid: ImageGrid;
  /** Neuron embeddings of central examples, by example; null where they are no images. */
  readonly embeddings: ReadonlyMap<number, Float32Array> | null;
  /** What of them has the deepest colours: the same for all features. */
  readonly scale: number;
}

/** Null of a study of text. */
export function useCentralEmbeddings(
  { bank, index }: Unit,
  features: readonly { readonly central: number }[],
): Pictures | null {
  const grid = useImages();
  const own = useQuery(studyQuery).data?.banks.find(({ name }) => name === bank);
  const isOfPixels = grid !== null && readsPixels(grid, own);
  const asked = features
    .slice(0, MOST)
    .map(({ central }) => central)
    .join();
  const [settled, setSettled] = useState(asked);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(asked), WAIT);
    return () => clearTimeout(timer);
  }, [asked]);
  const ids = settled === '' ? [] : settled.split(',').map(Number);
  const { data } = useQuery({ ...vectorsQuery(bank, index, ids), enabled: isOfPixels && ids.length > 0 });
  return useMemo(() => {
    if (grid === null) return null;
    const embeddings = isOfPixels ? (data?.embeddings ?? new Map<number, Float32Array>()) : null;
    const scale = Math.max(0, ...Array.from(embeddings?.values() ?? [], largestOf));
    return { grid, embeddings, scale };
  }, [grid, isOfPixels, data]);
}
