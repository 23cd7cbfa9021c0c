import type { ReactNode } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { formatActivation } from '../ui/metric-info.ts';
import { Picture, placeOf } from '../ui/picture.tsx';
import { passageText } from '../ui/shown-token.ts';
import { useImages } from '../ui/use-images.ts';
import { useHovered } from './hover.ts';
import type { UnitCut } from './unit-cut.ts';

const AROUND = 9;
/** Pixels of an image's side; its line is as high without one. */
const PEEKED = 40;

/** The passage under the pointer, in any figure, in a line of its own; else what is said when there is none. */
export function Peek({ unitCut, children }: { unitCut: UnitCut; children: ReactNode }) {
  const example = unitCut.examples[useHovered()];
  const images = useImages();
  if (example === undefined)
    return <p className={`peek muted small${images === null ? '' : ' of-images'}`}>{children}</p>;
  const { tokens, activation, id } = example;
  const position = spelledAt(tokens, example.position);
  const feature = unitCut.cut.features[unitCut.cut.featureOf[id]!];
  const part = (from: number, to: number) =>
    tokens.slice(Math.max(0, from), Math.max(0, to)).map(passageText).join('');
  return (
    <p className={`peek small${images === null ? '' : ' of-images'}`} aria-hidden="true">
      <i
        className="dot"
        style={{ background: feature && featureColour(feature, unitCut.cut.features.length) }}
      />
      <span className="num muted">{formatActivation(activation)}</span>
      {unitCut.cut.stray.has(id) ? <span className="muted">stray</span> : null}
      {images === null || example.image === undefined ? null : (
        <>
          <Picture context={example.context} grid={images} size={PEEKED} box={example.image.box} />
          <bdi>{visible(example.image.label ?? '')}</bdi>
          <span className="muted">{placeOf(example, images)}</span>
        </>
      )}
      {example.image !== undefined ? null : (
        <>
          <bdi className="before">{part(position - AROUND, position)}</bdi>
          <bdi className="after">
            <b>{part(position, position + 1)}</b>
            {part(position + 1, position + AROUND)}
          </bdi>
        </>
      )}
    </p>
  );
}
