import { Link } from '@tanstack/react-router';
import { visible } from '../../../src/base/visible.ts';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import { signedRgb } from '../charts/colours.ts';
import { SignedPicture, signed } from '../images/signed-picture.tsx';
import type { ClassifiedUnit } from '../source/image-queries.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { formatActivation, formatShare } from '../ui/metric-info.ts';
import { Picture } from '../ui/picture.tsx';
import { useTheme } from '../ui/theme.ts';
import { explained, hinted } from '../ui/tips.tsx';

const SIDE = 48;
/** Classes whose shares are drawn as cells. */
const MOST_CELLS = 24;

/** One unit on an image: its share of a logit and of the others, its neuron embedding, and the feature it falls in. */
export function UnitShare({
  grid,
  classes,
  unit,
  value,
  most,
  chosen,
  embedding,
  scale,
}: {
  grid: ImageGrid;
  classes: readonly string[];
  unit: ClassifiedUnit;
  /** Its share of the logit, or its activation relative to its maximum. */
  value: number;
  most: number;
  /** The class that is looked at. */
  chosen: number | null;
  /** Null while it is on its way; undefined where it is no image. */
  embedding: readonly number[] | null | undefined;
  scale: number;
}) {
  const { bank, index, activation, relative, shares, feature, image } = unit;
  const { dark } = useTheme();
  const name = `${bank}/${index}`;
  return (
    <li>
      <div className="share-name">
        <Link className="num" to="/unit/$bank/$index" params={{ bank, index }}>
          {name}
        </Link>
        <span
          className="muted small num"
          {...explained('Its activation, and that as a share of its maximum in the study')}
        >
          {formatActivation(activation)}, {formatShare(Math.max(0, relative))}
        </span>
      </div>
      <div className="share-bars">
        <span className="share-bar num">
          <i aria-hidden="true">
            <i
              className={value < 0 ? 'negative' : 'positive'}
              style={{ width: `${most === 0 ? 0 : (100 * Math.abs(value)) / most}%` }}
            />
          </i>
          {shares === null ? formatShare(value) : signed(value)}
        </span>
        {shares === null || classes.length > MOST_CELLS ? null : (
          <span
            className="share-cells"
            role="img"
            aria-label={`Shares of all logits: ${shares.map((share, id) => `${classes[id]} ${signed(share)}`).join(', ')}`}
          >
            {shares.map((share, id) => (
              <i
                key={classes[id]}
                className={id === chosen ? 'chosen' : undefined}
                {...hinted(`${classes[id]}: ${signed(share)}`)}
                style={{
                  background: `rgb(${signedRgb(Math.max(-1, Math.min(1, share / (most || 1))), dark)})`,
                }}
              />
            ))}
          </span>
        )}
      </div>
      {embedding === undefined ? null : (
        <SignedPicture
          values={embedding}
          grid={grid}
          scale={scale}
          size={SIDE}
          label={`Neuron embedding of ${name} for this image`}
        />
      )}
      <div className="share-feature">
        {image === undefined || feature === null ? null : (
          <Picture context={image} grid={grid} size={SIDE} alt={`Most typical image of feature ${feature}`} />
        )}
        <span className="small">
          <FallsIn unit={unit} />
        </span>
      </div>
    </li>
  );
}

/** The feature of a unit that the image falls in, or why there is none. */
function FallsIn({
  unit: { bank, index, relative, feature, distances, ...described },
}: {
  unit: ClassifiedUnit;
}) {
  if (relative <= 0) return <span className="muted">does not fire</span>;
  if (feature === null) {
    return (
      <span
        className="muted"
        {...explained(`The nearest is at a mean distance of ${Math.min(...distances).toFixed(2)}`)}
      >
        none of its features
      </span>
    );
  }
  const colour = featureColour({ id: feature, size: 2 }, distances.length);
  const title = visible(featureTitle(described));
  return (
    <>
      <Link to="/unit/$bank/$index" params={{ bank, index }} search={{ feature }}>
        <i className="dot" style={{ background: colour }} aria-hidden="true" /> feature {feature}
      </Link>
      {title === '' ? '' : ': '}
      <bdi>{title}</bdi>
      <br />
      <span className="muted num">mean distance {distances[feature]!.toFixed(2)}</span>
    </>
  );
}
