import { type ReactNode, useEffect, useRef } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { counted } from '../ui/metric-info.ts';
import type { Given } from './feature-cut.ts';

/** What stands alone in a unit, folded: single examples, each a feature of one, and stray ones beside their nearest feature. */
export function Alone({
  singles,
  strays,
  features,
  isShown,
  isLookedAt,
  onShow,
  children,
  draw,
}: {
  /** How many single examples it holds. */
  singles: number;
  strays: readonly Given[];
  /** Features of the unit. */
  features: number;
  isShown: boolean;
  /** Whether it is to be in view once it is shown. */
  isLookedAt: boolean;
  onShow: (shown: boolean) => void;
  /** The single examples. */
  children: ReactNode;
  draw: (examples: readonly number[]) => ReactNode;
}) {
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isShown || !isLookedAt) return;
    // A frame later: the router, which begins a new page at its top, comes first.
    const frame = requestAnimationFrame(() => section.current?.scrollIntoView());
    return () => cancelAnimationFrame(frame);
  }, [isShown, isLookedAt]);
  const stray = strays.reduce((sum, { examples }) => sum + examples.length, 0);
  if (singles + stray === 0) return null;
  const kinds = [
    ...(singles > 0 ? [counted(singles, 'single example')] : []),
    ...(stray > 0 ? [counted(stray, 'stray example')] : []),
  ];
  return (
    <section ref={section} className="alone-examples" aria-label="Examples that stand alone">
      <button type="button" className="button quiet" aria-expanded={isShown} onClick={() => onShow(!isShown)}>
        {isShown ? '−' : '+'} {kinds.join(', ')}
      </button>
      {isShown ? children : null}
      {isShown
        ? strays.map(({ feature, examples }) => (
            <div
              key={feature.id}
              className="given"
              style={{ '--own': featureColour(feature, features) } as object}
            >
              <p className="muted small">
                nearest to feature {feature.id}: <bdi>{visible(featureTitle(feature)) || 'no words'}</bdi>
              </p>
              {draw(examples)}
            </div>
          ))
        : null}
    </section>
  );
}
