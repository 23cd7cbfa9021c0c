import { useLocation, useNavigate } from '@tanstack/react-router';
import { type RefObject, useState } from 'react';

/** The search field of the header: words, or a unit's name. */
export function SearchBox({ inputRef }: { inputRef: RefObject<HTMLInputElement | null> }) {
  const navigate = useNavigate();
  const elsewhere = useLocation({ select: ({ pathname }) => pathname !== '/search' });
  const [text, setText] = useState('');
  // The search page has a field of its own.
  if (!elsewhere) return <div className="bar-search" />;
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to older readers
    <form
      className="bar-search"
      role="search"
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
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      <kbd>/</kbd>
    </form>
  );
}

/** BANK/INDEX, split at the last slash; null for anything else. */
export function unitName(text: string): { bank: string; index: number } | null {
  const match = /^\s*(\S+)\/(\d{1,9})\s*$/.exec(text);
  return match === null ? null : { bank: match[1]!, index: Number(match[2]) };
}
