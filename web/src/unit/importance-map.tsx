import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import type { PatchImportance } from '../source/image-queries.ts';
import { formatShare } from '../ui/metric-info.ts';
import { Picture } from '../ui/picture.tsx';
import { hinted } from '../ui/tips.tsx';

/** An image under its patches, each as deep in colour as the activation falls without it. */
export function ImportanceMap({
  context,
  grid,
  size,
  found,
}: {
  context: number;
  grid: ImageGrid;
  size: number;
  found: PatchImportance | undefined;
}) {
  const longest = Math.max(grid.width, grid.height);
  const { rows = 1, columns = 1, patch, examples = [] } = found ?? {};
  const values = examples[0]?.importance ?? [];
  const most = values.indexOf(Math.max(...values));
  const said =
    values.length === 0
      ? ''
      : `: most at row ${1 + Math.floor(most / columns)}, column ${1 + (most % columns)}, ${formatShare(values[most]!)} of the activation`;
  return (
    <span
      className="importance-map"
      role="img"
      aria-label={`Importance of ${rows} × ${columns} patches${said}`}
      style={{ width: (size * grid.width) / longest, height: (size * grid.height) / longest }}
    >
      <Picture context={context} grid={grid} size={size} />
      {patch === undefined
        ? null
        : values.map((value, i) => (
            <i
              // biome-ignore lint/suspicious/noArrayIndexKey: a patch is its place
              key={i}
              {...hinted(formatShare(value))}
              style={
                {
                  '--a': `${Math.round(85 * Math.min(1, value / Math.max(values[most]!, 1e-9)))}%`,
                  left: `${(100 * (i % columns) * patch.width) / grid.width}%`,
                  top: `${(100 * Math.floor(i / columns) * patch.height) / grid.height}%`,
                  width: `${(100 * patch.width) / grid.width}%`,
                  height: `${(100 * patch.height) / grid.height}%`,
                } as object
              }
            />
          ))}
    </span>
  );
}
