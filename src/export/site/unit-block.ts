import { mapAnswer } from '../../answers/map.ts';
import type { StudySource } from '../../answers/served-study.ts';
import { unitAnswer } from '../../answers/unit-answer.ts';
import { MOST_EXAMPLES, type UnitSpace } from '../../answers/unit-space.ts';
import { plain } from '../../answers/wire.ts';
import { type PackedArray, pack } from '../../base/pack.ts';
import { packSmallNumbers } from '../../base/small-numbers.ts';
import { type LinkageMethod, linkageMethods } from '../../cluster/linkage-methods.ts';
import type { Tree } from '../../cluster/tree.ts';
import {
  MOST_DISTANCES,
  type SiteExample,
  type SiteUnit,
  type SiteUnitArrays,
  sixteenBits,
} from '../../contract/site.ts';
import { packTree, toPlanes } from '../../contract/site-arrays.ts';
import type { UnitAnswer } from '../../contract/unit-answers.ts';
import type { TokenTable } from './token-table.ts';

/** A unit as a site keeps it: what is answered of it, and what it is cut anew from; none of its inputs h. */
export function unitBlock(
  source: StudySource,
  bank: string,
  index: number,
  tokens: TokenTable,
  noted: Pick<SiteUnit, 'notes' | 'modelNames'>,
): Uint8Array {
  const { study } = source;
  const { merges: _, features, ...unit } = unitAnswer(source, bank, index, 'all') as UnitAnswer;
  const short = features.map((feature) => ({
    ...feature,
    examples: feature.examples.map(({ tokens: _, special: __, activations: ___, ...example }) => example),
  })) as readonly (Omit<UnitAnswer['features'][number], 'examples'> & { examples: SiteExample[] })[];
  const head: SiteUnit = { unit: plain({ ...unit, features: short }) as SiteUnit['unit'], ...noted };
  const detail = study.detail(bank, index);
  const own = study.features(detail);
  const { autoLabels, stray: autoStray } = detail;
  const arrays: SiteUnitArrays = {
    head: new TextEncoder().encode(JSON.stringify(head)),
    activation: detail.activation,
    windows: toPlanes(detail.windows),
    windowScales: detail.windowScales,
    ...contexts(source, detail.context, tokens),
    labels: own.labels,
    centrals: own.centrals,
    ...(own.stray === undefined ? {} : { stray: own.stray }),
    ...(autoLabels === undefined ? {} : { autoLabels }),
    ...(autoStray === undefined ? {} : { autoStray }),
  };
  const linkages =
    detail.labels.length <= MOST_EXAMPLES
      ? clustered(source.space(bank, index))
      : treeArrays(source.clustering.linkage, { count: detail.labels.length, merges: detail.merges });
  return pack({ ...(arrays as unknown as Record<string, PackedArray>), ...linkages });
}

/** The contexts of a unit's examples, each once. */
function contexts(
  { study }: StudySource,
  ids: Uint32Array,
  table: TokenTable,
): Pick<SiteUnitArrays, 'contexts' | 'offset' | 'tokens'> {
  const found = study.contexts([...new Set(ids)]);
  const offset = new Uint32Array(found.size + 1);
  const parts = Array.from(found.values(), ({ tokens }, i) => {
    offset[i + 1] = offset[i]! + tokens.length;
    return table.numbers(tokens);
  });
  const tokens = new Uint32Array(offset[found.size]!);
  parts.forEach((part, i) => {
    tokens.set(part, offset[i]);
  });
  return { contexts: Uint32Array.from(found.keys()), offset, tokens: packSmallNumbers(tokens) };
}

/** Trees, map, and distances where they are few. */
function clustered(space: UnitSpace): Record<string, PackedArray> {
  const map = mapAnswer({ count: space.count, components: (count) => space.components(count) }, false);
  return {
    ...Object.assign({}, ...linkageMethods.map((method) => treeArrays(method, space.tree(method)))),
    ...(space.count <= MOST_DISTANCES ? { distances: sixteenBits(space.distances) } : {}),
    ...(map as Record<string, PackedArray>),
  };
}

function treeArrays(method: LinkageMethod, tree: Tree): Record<string, PackedArray> {
  const { pairs, heights } = packTree(tree);
  return { [`pairs_${method}`]: pairs, [`heights_${method}`]: heights };
}
