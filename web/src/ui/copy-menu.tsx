import { useEffect, useRef, useState } from 'react';

/** What can be copied of one thing; each is made when it is asked for. */
export interface Copies {
  readonly text: () => string;
  readonly link: () => string;
  readonly markdown: () => string;
}

const KINDS = [
  ['text', 'Text'],
  ['link', 'Link'],
  ['markdown', 'Markdown'],
] as const;

/** A button that opens to what can be copied. @param of what is copied, as it is read out */
export function CopyMenu({ of, copies }: { of: string; copies: Copies }) {
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState('');
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: Event) => {
      const isOutside = !(event.target instanceof Node && box.current?.contains(event.target));
      if (isOutside || (event instanceof KeyboardEvent && event.key === 'Escape')) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('focusin', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('focusin', close);
      document.removeEventListener('keydown', close);
    };
  }, [open]);
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => setSaid(''), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (kind: keyof Copies) => {
    setSaid((await copyText(copies[kind]())) ? 'copied' : 'not allowed');
    setOpen(false);
  };
  return (
    <span ref={box} className="copy-menu">
      <button
        type="button"
        className="button quiet"
        aria-expanded={open}
        aria-label={`Copy ${of}`}
        onClick={() => setOpen(!open)}
      >
        {said === '' ? 'copy' : said}
      </button>
      {open ? (
        <span className="copy-kinds">
          {KINDS.map(([kind, name]) => (
            <button key={kind} type="button" className="button quiet" onClick={() => void copy(kind)}>
              {name}
            </button>
          ))}
        </span>
      ) : null}
      <span className="sr" role="status">
        {said}
      </span>
    </span>
  );
}

/** Copies a text; where the page may not (it is served by plain HTTP from another machine) by way of a selection. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'sr';
    document.body.append(field);
    field.select();
    // The only way there is on a page that is not secure.
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
