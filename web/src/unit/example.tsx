import { memo, useEffect, useRef } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { Example } from '../source/answers.ts';
import { CopyMenu } from '../ui/copy-menu.tsx';
import { linkTo } from '../ui/link-to.ts';
import { formatActivation } from '../ui/metric-info.ts';
import { explained, hinted } from '../ui/tips.tsx';
import { Concordance } from '../ui/tokens.tsx';
import { getHovered, setHovered, subscribeHovered } from './hover.ts';
import { ExtentControls, OpenExample } from './open-example.tsx';
import { exampleMarkdown, exampleText } from './takeaway.ts';

/** What the mark of a stray example says. */
export const STRAY = 'stray: its own cluster is too small to be a feature, so it stands with the nearest one';

/** One example: its activation, the passage with the peak in the middle, its document; opened, the whole context. */
export const ExampleRow = memo(function ExampleRow({
  example,
  scale,
  central,
  stray,
  open,
  onToggle,
  shownName,
  unitName,
}: {
  example: Example;
  /** Activation that has the deepest colour. */
  scale: number;
  /** Whether it is the most typical of its feature. */
  central: boolean;
  /** Whether it was given to its feature, having none of its own. */
  stray: boolean;
  open: boolean;
  onToggle: (example: number, open: boolean) => void;
  /** What its document is called beside it; null where all are of one document. */
  shownName: string | null;
  /** BANK/INDEX of its unit. */
  unitName: string;
}) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(
    () => subscribeHovered(() => row.current?.classList.toggle('hovered', getHovered() === example.id)),
    [example.id],
  );
  useEffect(() => {
    if (open) row.current?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  const name = `Example ${example.id}, activation ${formatActivation(example.activation)}`;
  return (
    <li
      ref={row}
      className={`example${open ? ' open' : ''}${shownName === null ? ' one-document' : ''}`}
      onPointerEnter={() => setHovered(example.id)}
      onPointerLeave={() => setHovered(-1)}
      onFocus={() => setHovered(example.id)}
      onBlur={() => setHovered(-1)}
    >
      <span
        className="activation num"
        // Marks are explained on focus too; a plain activation is said by the passage beside it.
        {...(central || stray ? explained : hinted)(
          `${name}${central ? '; the most typical of its feature' : ''}${stray ? `; ${STRAY}` : ''}`,
        )}
      >
        {central ? <i className="central" /> : null}
        {stray ? <i className="stray" /> : null}
        {formatActivation(example.activation)}
      </span>
      {/* biome-ignore lint/a11y/useSemanticElements: a passage whose tokens are read with the arrow keys */}
      <div
        className="passage"
        role="group"
        aria-label={`${name}${central ? ', most typical' : ''}${stray ? ', stray' : ''}. Arrow keys read the tokens`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: as above
        tabIndex={0}
        data-example={example.id}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && event.target === event.currentTarget) onToggle(example.id, !open);
        }}
      >
        {open ? (
          <OpenExample example={example} scale={scale} />
        ) : (
          <Concordance example={example} scale={scale} />
        )}
      </div>
      {shownName === null && !open ? null : (
        <div
          className="document muted"
          {...hinted(`${visible(example.document)}, context ${example.context}`)}
        >
          <bdi>{visible(open ? example.document : (shownName ?? ''))}</bdi>
          {open ? (
            <span className="num">
              {' '}
              · context {example.context}, token {example.position}
            </span>
          ) : null}
          {open ? <ExtentControls onClose={() => onToggle(example.id, false)} /> : null}
        </div>
      )}
      <span className="row-tools">
        <CopyMenu
          of={name}
          copies={{
            text: () => exampleText(example),
            link: () => linkTo({ example: example.id }),
            markdown: () => exampleMarkdown(example, unitName, linkTo({ example: example.id })),
          }}
        />
        <button
          type="button"
          className="button quiet more"
          aria-expanded={open}
          aria-label={open ? `Close ${name}` : `Whole context of ${name}`}
          onClick={() => onToggle(example.id, !open)}
        >
          {open ? 'less' : 'more'}
        </button>
      </span>
    </li>
  );
});
