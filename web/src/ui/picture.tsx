import { visible } from '../../../src/base/visible.ts';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import type { Example } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { formatActivation } from './metric-info.ts';
import '../styles/images.css';
import { hinted } from './tips.tsx';

/** Sides up to this are drawn with their pixels to be seen. */
const SMALL = 64;

/** The image that is a context, with the patch of a peak marked. What it shows is said beside it, or in `alt`. */
export function Picture({
  context,
  grid,
  size,
  box = null,
  alt = '',
}: {
  context: number;
  grid: ImageGrid;
  /** Pixels of its longer side on the page. */
  size: number;
  box?: NonNullable<Example['image']>['box'];
  alt?: string;
}) {
  const longest = Math.max(grid.width, grid.height);
  const share = (part: number, of: number): string => `${(100 * part) / of}%`;
  const [width, height] = [grid.width, grid.height].map((side) => Math.round((size * side) / longest));
  return (
    <span className="picture" style={{ width, height }}>
      <img
        src={source().image(context)}
        alt={alt}
        width={width}
        height={height}
        loading="lazy"
        decoding="async"
        className={longest <= SMALL ? 'pixels' : undefined}
      />
      {box === null ? null : (
        <i
          className="patch"
          aria-hidden="true"
          style={{
            left: share(box[0], grid.width),
            top: share(box[1], grid.height),
            width: share(box[2], grid.width),
            height: share(box[3], grid.height),
          }}
        />
      )}
    </span>
  );
}

/** Where on the image the peak of an example lies; empty where the model has no patches. */
export function placeOf({ image, tokens, position }: Example, { patch }: ImageGrid): string {
  if (patch === null || image === undefined) return '';
  if (image.box === null) return `${tokens[position] ?? 'class token'}, the whole image`;
  return `patch ${tokens[position] ?? position}`;
}

/** An example's image with what it shows, to be looked at only. */
export function ImageOf({ example, grid, size = 48 }: { example: Example; grid: ImageGrid; size?: number }) {
  const { image, context, activation } = example;
  const label = visible(image?.label ?? '');
  const place = placeOf(example, grid);
  const title = [label, formatActivation(activation), place].filter((part) => part !== '').join(', ');
  return (
    <span className="image-of" {...hinted(title)}>
      <Picture context={context} grid={grid} size={size} box={image?.box ?? null} alt={title} />
    </span>
  );
}
