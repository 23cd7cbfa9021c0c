import { useEffect, useState } from 'react';

const ID = 'explanation';
/** Width at most, and distance to the window's edge, in pixels. */
const WIDTH = 340;
const EDGE = 8;
/** Height that is kept free below what is explained, else the text stands above. */
const ROOM = 130;
/** Milliseconds that the pointer rests first, and in which it can get from what is explained to the text. */
const REST = 250;

/** Makes an element explain itself under the pointer, on focus and by touch. */
export function explained(text: string): { 'data-tip': string; tabIndex: 0 } {
  return { 'data-tip': text, tabIndex: 0 };
}

/** The same without a stop of the Tab key: for a control, what holds one, or one of very many marks that its group tells too. */
export function hinted(text: string): { 'data-tip': string } {
  return { 'data-tip': text };
}

interface Tip {
  readonly text: string;
  readonly left: number;
  readonly top: number | undefined;
  readonly bottom: number | undefined;
}

/** Shows what elements with `data-tip` say: one for the whole page. */
export function Tips() {
  const [tip, setTip] = useState<Tip | null>(null);
  useEffect(() => {
    let described: Element | null = null;
    let rest: ReturnType<typeof setTimeout> | undefined;
    let isTouched = false;
    const show = (target: EventTarget | null) => {
      clearTimeout(rest);
      const element = target instanceof Element ? target.closest('[data-tip]') : null;
      described?.removeAttribute('aria-describedby');
      described = element === null ? null : (target as Element);
      if (element === null) return setTip(null);
      described?.setAttribute('aria-describedby', ID);
      const { left, top, bottom } = element.getBoundingClientRect();
      const above = window.innerHeight - bottom < ROOM && top > ROOM;
      setTip({
        text: element.getAttribute('data-tip')!,
        left: Math.max(EDGE, Math.min(left, window.innerWidth - WIDTH - EDGE)),
        top: above ? undefined : bottom + 6,
        bottom: above ? window.innerHeight - top + 6 : undefined,
      });
    };
    const listeners: Record<string, (event: Event) => void> = {
      // The text itself may be pointed at, to be read at leisure.
      pointerover: ({ target }) => {
        clearTimeout(rest);
        if ((target as Element).id !== ID) rest = setTimeout(() => show(target), REST);
      },
      pointerdown: (event) => {
        isTouched = (event as PointerEvent).pointerType !== 'mouse';
        show(null);
      },
      focusin: ({ target }) => show((target as Element).matches(':focus-visible') ? target : null),
      focusout: () => show(null),
      click: ({ target }) => {
        if (isTouched) show(target);
      },
      keydown: (event) => {
        if ((event as KeyboardEvent).key === 'Escape') show(null);
      },
      scroll: () => show(null),
    };
    for (const [name, listener] of Object.entries(listeners)) {
      document.addEventListener(name, listener, { capture: true, passive: true });
    }
    return () => {
      clearTimeout(rest);
      for (const [name, listener] of Object.entries(listeners)) {
        document.removeEventListener(name, listener, { capture: true });
      }
    };
  }, []);
  if (tip === null) return null;
  const { text, ...place } = tip;
  return (
    <div id={ID} role="tooltip" className="explanation" style={{ ...place, maxWidth: WIDTH }}>
      {text}
    </div>
  );
}
