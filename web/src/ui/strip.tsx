import type { ReactNode } from 'react';
import { featureColour, featureMark } from './feature-colours.ts';
import { counted, formatShare } from './metric-info.ts';
import { hinted } from './tips.tsx';
import '../styles/meanings.css';

/** How a unit's examples fall to its features. */
export interface Shares {
  /** Examples of each feature, by id, without the stray ones. */
  readonly sizes: readonly number[];
  /** Stray examples. */
  readonly stray: number;
}

interface Piece {
  /** Null: the examples that stand alone. */
  readonly feature: number | null;
  readonly size: number;
  readonly says: string;
}

/** A feature of more than one example is a piece of its own; single and stray examples are one piece. */
function piecesOf({ sizes, stray }: Shares): Piece[] {
  const total = sizes.reduce((sum, size) => sum + size, stray);
  const share = (size: number): string => `${counted(size, 'example')}, ${formatShare(size / total)}`;
  const single = sizes.length === 1 ? 0 : sizes.filter((size) => size === 1).length;
  const pieces: Piece[] = sizes.flatMap((size, feature) =>
    size > 1 || (size === 1 && sizes.length === 1)
      ? [{ feature, size, says: `feature ${feature}: ${share(size)}` }]
      : [],
  );
  const alone = stray + single;
  if (alone > 0) pieces.push({ feature: null, size: alone, says: `alone: ${share(alone)}` });
  return pieces;
}

/**
 * A unit's features as pieces of a strip, wide by their share of the examples, in their colours; stray and single examples are
 * one hatched piece.
 */
export function Strip({
  shares,
  lit,
  onPick,
}: {
  shares: Shares;
  /** Only these features keep their colour. */
  lit?: ReadonlySet<number>;
  /** Makes the pieces buttons; without a feature: that of the examples that stand alone. */
  onPick?: (feature: number | null, add: boolean) => void;
}) {
  const pieces = piecesOf(shares);
  const drawn = pieces.map(({ feature, size, says }) => {
    const style = {
      flexGrow: size,
      backgroundColor:
        feature === null ? undefined : featureColour({ id: feature, size }, shares.sizes.length),
    };
    const dim = lit !== undefined && (feature === null || !lit.has(feature));
    const name = `${feature === null ? 'alone' : 'own'}${dim ? ' dim' : ''}`;
    const mark = feature === null ? 0 : featureMark({ id: feature, size });
    if (onPick === undefined)
      return <i key={feature} className={name} data-mark={mark} style={style} {...hinted(says)} />;
    return (
      <button
        key={feature}
        type="button"
        className={name}
        data-mark={mark}
        style={style}
        {...hinted(
          `${says}. ${feature === null ? 'Examples of no feature of their own.' : 'Shift-click lays it beside others.'}`,
        )}
        aria-label={says}
        onClick={(event) => onPick(feature, event.shiftKey)}
      >
        <span>{feature ?? ''}</span>
      </button>
    );
  });
  const label = pieces.map(({ says }) => says).join('; ');
  return (
    <Frame label={label === '' ? 'no examples' : label} asButtons={onPick !== undefined}>
      {drawn}
    </Frame>
  );
}

function Frame({ label, asButtons, children }: { label: string; asButtons: boolean; children: ReactNode }) {
  if (asButtons) {
    return (
      // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a flex row
      <div className="strip tall" role="group" aria-label="Features by their share of the examples">
        {children}
      </div>
    );
  }
  return (
    <span className="strip" role="img" aria-label={label}>
      {children}
    </span>
  );
}
