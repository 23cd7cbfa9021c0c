import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { leafOrder } from '../../../src/cluster/leaf-order.ts';
import type { Tree } from '../../../src/cluster/tree.ts';
import type { Example, LinkageMethod, Unit } from '../source/answers.ts';
import { clusteringQuery, distancesQuery } from '../source/query-options.ts';
import type { UnitSearch } from '../ui/url-state.ts';
import {
  answeredCut,
  type Cut,
  LocalWords,
  lastMerge,
  recut,
  storedCut,
  unitExamples,
  unitTree,
} from './feature-cut.ts';

export interface UnitCut {
  readonly tree: Tree;
  /** Examples from left to right in the tree. */
  readonly order: Int32Array;
  readonly examples: readonly Example[];
  readonly distances: Float64Array | null;
  readonly linkage: LinkageMethod;
  /** Where the address says that the tree is cut. */
  readonly asked: number;
  /** The height of the last merge that holds. */
  readonly height: number;
  readonly cut: Cut;
  /** Whether these are the features that the study stores. */
  readonly stored: boolean;
  /** Whether they are a split by its silhouette, and no cut at the threshold. */
  readonly auto: boolean;
  /** Whether another linkage's tree is on its way; the tree is the one before. */
  readonly waiting: boolean;
  readonly error: Error | null;
}

/** The threshold, while it is dragged too. */
export interface Dragged {
  readonly threshold: number;
  /** Moves it; only the last of a drag is to reach the URL. */
  drag(threshold: number | null): void;
}

/**
 * A unit's tree and features as the URL asks for them. A cut is made here in the browser at once; words (and for another
 * linkage the tree) come from the server, which knows the whole corpus. The first is the same object as long as the
 * threshold that is dragged leaves the cut as it is.
 */
export function useUnitCut(unit: Unit, search: UnitSearch): readonly [UnitCut, Dragged] {
  const { bank, index } = unit;
  const [live, setLive] = useState<{ unit: Unit; threshold: number } | null>(null);
  const linkage = search.linkage ?? unit.linkage;
  const asked = search.threshold ?? unit.threshold;
  // The best split in a study whose features are a cut.
  const askedAuto = unit.rule === 'cut' && search.features === 'auto';
  const threshold = live?.unit === unit ? live.threshold : asked;
  // Where features are found by their silhouette, any threshold that is asked for is another split.
  const isOwn = (value: number, named: boolean): boolean =>
    linkage === unit.linkage && (unit.rule === 'auto' ? !named : !askedAuto && value === unit.threshold);
  const askedStored = isOwn(asked, search.threshold !== undefined);
  const stored = isOwn(threshold, search.threshold !== undefined || live?.unit === unit);

  const distances = useQuery({ ...distancesQuery(bank, index), enabled: unit.examples > 1 });
  const other = useQuery({
    ...clusteringQuery(bank, index, linkage, unit.threshold),
    enabled: linkage !== unit.linkage,
  });
  const answer = useQuery({
    ...clusteringQuery(bank, index, linkage, askedAuto ? 'auto' : asked),
    enabled: !askedStored,
  });

  const examples = useMemo(() => unitExamples(unit), [unit]);
  const words = useMemo(() => LocalWords.of(examples), [examples]);
  const waiting = linkage !== unit.linkage && other.data === undefined && other.error === null;
  const merges = linkage === unit.linkage ? unit.merges : (other.data?.merges ?? unit.merges);
  const tree = useMemo(() => unitTree(unit.examples, merges), [unit, merges]);
  const order = useMemo(() => leafOrder(tree), [tree]);
  const isAuto = askedAuto && live?.unit !== unit;
  const settled = threshold === asked && isAuto === askedAuto ? answer.data : undefined;
  const between = distances.data ?? null;
  const height = lastMerge(tree, threshold);
  const cut = useMemo(() => {
    if (stored) return storedCut(unit);
    if (settled !== undefined)
      return isAuto ? { ...answeredCut(settled), metrics: unit } : answeredCut(settled);
    return recut(tree, height, { distances: between, activation: unit.leaves.activation, words });
  }, [stored, unit, settled, isAuto, tree, height, between, words]);

  const auto = (stored && unit.rule === 'auto') || (isAuto && settled !== undefined);
  const error = other.error ?? answer.error ?? distances.error;
  const unitCut = useMemo(
    () => ({
      tree,
      order,
      examples,
      distances: between,
      linkage,
      asked,
      height,
      cut,
      stored,
      auto,
      waiting,
      error,
    }),
    [tree, order, examples, between, linkage, asked, height, cut, stored, auto, waiting, error],
  );
  const drag = useCallback(
    (to: number | null) => setLive(to === null ? null : { unit, threshold: to }),
    [unit],
  );
  return [unitCut, useMemo(() => ({ threshold, drag }), [threshold, drag])];
}
