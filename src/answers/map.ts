import type { MapAnswer } from '../contract/unit-answers.ts';
import type { PrincipalComponents } from '../embed/pca.ts';
import type { Wire } from './wire.ts';

/** Principal components that a projection in the browser starts from. */
const VECTOR_COMPONENTS = 50;

/** Places of a unit's examples. @param vectors whether the first components are wanted too */
export function mapAnswer(
  { count, components }: { readonly count: number; components(components: number): PrincipalComponents },
  vectors: boolean,
): Wire<MapAnswer> {
  const width = vectors ? Math.max(2, Math.min(VECTOR_COMPONENTS, count)) : 2;
  const { coordinates, variance } = components(width);
  const axis = (k: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => coordinates[i * width + k]!);
  return {
    x: axis(0),
    y: axis(1),
    variance: Float64Array.of(variance[0]!, variance[1]!),
    ...(vectors ? { vectors: Float32Array.from(coordinates) } : {}),
  };
}
