import { useEffect, useState } from 'react';

const ID = 'explanation';
/** Width at most, and distance to the window's edge, in pixels. */
const WIDTH = 340;
const EDGE = 8;
/** Height that is kept free below what is explained, else the text stands above. */
const ROOM = 130;

/** Makes an element explain itself under the pointer, on focus and by touch. A control is focusable without. */
export function explained(text: string): { 'data-tip': string; tabIndex: 0 } {
  return { 'data-tip': text, tabIndex: 0 };
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
    const show = (target: EventTarget | null) => {
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
        if ((target as Element).id !== ID) show(target);
      },
      focusin: ({ target }) => show(target),
      focusout: () => show(null),
      click: ({ target }) => show(target),
      keydown: (event) => {
        if ((event as KeyboardEvent).key === 'Escape') show(null);
      },
      scroll: () => show(null),
    };
    for (const [name, listener] of Object.entries(listeners)) {
      document.addEventListener(name, listener, { capture: true, passive: true });
    }
    return () => {
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
