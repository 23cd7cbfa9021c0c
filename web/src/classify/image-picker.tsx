import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { get } from '../source/http.ts';
import { IMAGES_PAGE, imagesQuery } from '../source/image-queries.ts';
import { counted, formatWhole } from '../ui/metric-info.ts';
import { Picture } from '../ui/picture.tsx';

const LARGE = 168;
const SMALL = 40;

/** The images of the study, all or with one label, a page at a time; one of them is picked. */
export function ImagePicker({
  grid,
  context,
  label,
  onPick,
  onLabel,
}: {
  grid: ImageGrid;
  context: number | undefined;
  label: string | undefined;
  onPick: (context: number) => void;
  onLabel: (label: string | undefined) => void;
}) {
  const [page, setPage] = useState(0);
  const { data, error } = useQuery(imagesQuery(label, page));
  const { images = [], total = 0, labels = [] } = data ?? {};
  const pages = Math.ceil(total / IMAGES_PAGE);
  const picked = images.find((image) => image.context === context);
  const random = async () => {
    const offset = Math.floor(Math.random() * total);
    const found = await get<{ images: { context: number }[] }>('/api/images', { label, limit: 1, offset });
    setPage(Math.floor(offset / IMAGES_PAGE));
    onPick(found.images[0]!.context);
  };
  return (
    <div className="image-picker">
      {context === undefined ? null : (
        <div className="picked">
          <Picture context={context} grid={grid} size={LARGE} alt={`Image ${context}`} />
          <p className="muted small wrap">
            {picked === undefined ? (
              `image ${formatWhole(context)}`
            ) : (
              <>
                {picked.label === null ? null : (
                  <>
                    shows <b>{visible(picked.label)}</b>
                    <br />
                  </>
                )}
                <bdi>{visible(picked.document)}</bdi>
              </>
            )}
          </p>
        </div>
      )}
      <div className="controls">
        {labels.length === 0 ? null : (
          <label>
            Shows
            <select
              value={label ?? ''}
              onChange={({ target }) => {
                setPage(0);
                onLabel(target.value || undefined);
              }}
            >
              <option value="">anything</option>
              {labels.map((one) => (
                <option key={one.label} value={one.label}>
                  {visible(one.label)} ({formatWhole(one.images)})
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="button" className="button" disabled={total === 0} onClick={() => void random()}>
          Random
        </button>
      </div>
      {error === null ? null : (
        <p className="bad small" role="alert">
          {error.message}
        </p>
      )}
      <ol className="image-row tiny" aria-label={counted(total, 'image')}>
        {images.map((image) => (
          <li key={image.context}>
            <button
              type="button"
              aria-pressed={image.context === context}
              aria-label={`Image ${image.context}${image.label === null ? '' : `, shows ${visible(image.label)}`}`}
              onClick={() => onPick(image.context)}
            >
              <Picture context={image.context} grid={grid} size={SMALL} />
            </button>
          </li>
        ))}
      </ol>
      {pages < 2 ? null : (
        <div className="controls">
          <button type="button" className="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous
          </button>
          <span className="muted small num">
            {formatWhole(page + 1)} of {formatWhole(pages)}
          </span>
          <button
            type="button"
            className="button"
            disabled={page >= pages - 1}
            onClick={() => setPage(page + 1)}
          >
            Next
          </button>
        </div>
      )}
    </div>
  );
}
