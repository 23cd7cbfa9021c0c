import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import type { Example, Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { outputWeightsQuery, vectorsQuery } from '../source/image-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { formatActivation } from '../ui/metric-info.ts';
import { Picture, placeOf } from '../ui/picture.tsx';
import { readsPixels } from '../ui/use-images.ts';
import { barHeight, ClassBars } from './class-bars.tsx';
import { Cumulative } from './cumulative.tsx';
import { largestOf, SignedFigure } from './signed-picture.tsx';
import '../styles/images.css';
import { explained } from '../ui/tips.tsx';

const SIDE = 140;

/**
 * A unit of a model of images in pictures: its input weights and what it adds to each class (of a plain MLP), its
 * activations, and the most typical image of a feature with its neuron embedding.
 */
export function UnitFigures({
  unit,
  grid,
  feature,
  central,
}: {
  unit: Unit;
  grid: ImageGrid;
  /** The feature whose most typical image is shown. */
  feature: number;
  /** That image; undefined of a unit without examples. */
  central: Example | undefined;
}) {
  const { bank, index } = unit;
  const own = useQuery(studyQuery).data?.banks.find(({ name }) => name === bank);
  const isOfPixels = readsPixels(grid, own);
  const ids = central === undefined || !isOfPixels ? [] : [central.id];
  const vectors = useQuery({ ...vectorsQuery(bank, index, ids), enabled: isOfPixels });
  const weights = vectors.data?.weights ?? null;
  const embedding = central === undefined ? null : (vectors.data?.embeddings.get(central.id) ?? null);
  const describes = `feature ${feature}’s most typical image`;
  return (
    <section className="panel unit-figures" aria-label="The unit in pictures">
      {isOfPixels ? (
        <Tile title="Input weights" tip="What each pixel’s value is multiplied by: w">
          <SignedFigure
            values={weights}
            grid={grid}
            scale={weights === null ? 0 : largestOf(weights)}
            size={SIDE}
            label={`Input weights as a picture${weights === null ? '' : `, ${rangeOf(weights)}`}`}
          />
        </Tile>
      ) : null}
      {source().isSite || grid.classes === null || grid.patch !== null ? null : (
        <OutputWeights unit={unit} classes={grid.classes} />
      )}
      <Tile
        title="Activations, cumulative"
        tip="The share of all activations (of a transformer: at all patches) up to each value; the dashed line is where the examples begin"
        grows
      >
        {unit.histogram.counts.length === 0 ? (
          <p className="muted small">No activation was counted.</p>
        ) : (
          <Cumulative unit={unit} />
        )}
      </Tile>
      {central === undefined ? null : (
        <Tile
          title={isOfPixels ? 'Neuron embedding' : 'Most typical image'}
          tip={
            isOfPixels
              ? 'h ⊙ w of the image beside it: which pixels make the unit fire, and which hold it back'
              : ''
          }
        >
          <div className="central-pair">
            <div>
              <Picture
                context={central.context}
                grid={grid}
                size={isOfPixels ? SIDE / 2 : SIDE}
                box={central.image?.box ?? null}
                alt={`Example ${central.id}, ${describes}`}
              />
              <p className="muted small">
                feature {feature}
                <br />
                <span className="num">{formatActivation(central.activation)}</span>
              </p>
              {placeOf(central, grid) === '' ? null : <p className="muted small">{placeOf(central, grid)}</p>}
            </div>
            {isOfPixels ? (
              <SignedFigure
                values={embedding}
                grid={grid}
                scale={embedding === null ? 0 : largestOf(embedding)}
                size={SIDE}
                label={`Neuron embedding of ${describes}${embedding === null ? '' : `, ${rangeOf(embedding)}`}`}
              />
            ) : null}
          </div>
        </Tile>
      )}
    </section>
  );
}

function Tile({
  title,
  tip,
  grows = false,
  children,
}: {
  title: string;
  tip: string;
  grows?: boolean;
  children: ReactNode;
}) {
  return (
    <figure className={grows ? 'grows' : undefined}>
      <figcaption {...explained(tip)}>{title}</figcaption>
      {children}
    </figure>
  );
}

function OutputWeights({ unit, classes }: { unit: Unit; classes: readonly string[] }) {
  const { data, error } = useQuery(outputWeightsQuery(unit.bank, unit.index));
  return (
    <Tile title="Output weights by class" tip="What an activation of 1 adds to the logit of each class" grows>
      <div style={{ minHeight: barHeight(classes.length) }}>
        {error !== null ? (
          <p className="muted small wrap">{error.message}</p>
        ) : data === undefined ? null : data.output === null ? (
          <p className="muted small">Its output does not reach the logits directly.</p>
        ) : (
          <ClassBars classes={classes} values={data.output} what="Output weights by class" />
        )}
      </div>
    </Tile>
  );
}

function rangeOf(values: Float32Array): string {
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return `from ${formatActivation(least)} to ${formatActivation(most)}`;
}
