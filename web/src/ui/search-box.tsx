import { Link, useLocation, useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type RefObject, useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { useRecent } from './recent.ts';

/** The search field of the header: words, or a unit's name; below it, the units looked at last. */
export function SearchBox({ inputRef }: { inputRef: RefObject<HTMLInputElement | null> }) {
  const navigate = useNavigate();
  const elsewhere = useLocation({ select: ({ pathname }) => pathname !== '/search' });
  const [text, setText] = useState('');
  const [isOpen, setOpen] = useState(false);
  const recent = useRecent().units;
  // The search page has a field of its own.
  if (!elsewhere) return <div className="bar-search" />;
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to older readers
    <form
      className="bar-search"
      role="search"
      onFocus={() => setOpen(true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') (document.activeElement as HTMLElement | null)?.blur();
        else moveFocus(event);
      }}
      onSubmit={(event) => {
        event.preventDefault();
        const name = unitName(text);
        if (name !== null) void navigate({ to: '/unit/$bank/$index', params: name, search: {} });
        else void navigate({ to: '/search', search: { q: text.trim() } });
        setText('');
        inputRef.current?.blur();
      }}
    >
      <input
        ref={inputRef}
        type="search"
        aria-label="Search words or a unit"
        placeholder="Search words, or mlp.2/137"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <kbd>/</kbd>
      {isOpen && text === '' && recent.length > 0 ? (
        <section className="recent" aria-label="Units looked at last">
          <p className="muted small">Recent</p>
          <ul>
            {recent.map(({ bank, index, title }) => (
              <li key={`${bank}/${index}`}>
                <Link
                  to="/unit/$bank/$index"
                  params={{ bank, index }}
                  search={{}}
                  className="recent-unit"
                  onClick={(event) => event.currentTarget.blur()}
                >
                  <b className="num">
                    {bank}/{index}
                  </b>{' '}
                  <bdi>{visible(title)}</bdi>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </form>
  );
}

/** ↓ and ↑ move between the field and the units below it. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('input, .recent-unit')];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  event.preventDefault();
  stops[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
}

/** BANK/INDEX, split at the last slash; null for anything else. */
export function unitName(text: string): { bank: string; index: number } | null {
  const match = /^\s*(\S+)\/(\d{1,9})\s*$/.exec(text);
  return match === null ? null : { bank: match[1]!, index: Number(match[2]) };
}
