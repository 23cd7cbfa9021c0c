import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { settled } from './explorer-page.ts';

/** That all that can be seen or heard of a page is text, and that nothing of a hostile one has become an element, a title or a link. */
export async function expectText(page: Page): Promise<void> {
  await settled(page);
  const found = await page.evaluate(() => {
    const texts: string[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    // What a reader types is as it was typed.
    while (walk.nextNode()) {
      const { data, parentElement } = walk.currentNode as Text;
      if (!parentElement?.closest('textarea, script, style')) texts.push(data);
    }
    for (const name of ['aria-label', 'alt', 'title'])
      for (const element of document.body.querySelectorAll(`[${name}]`))
        texts.push(element.getAttribute(name)!);
    const odd = 'img[src="x"], [onerror], main script, a[href^="javascript"], main b b';
    return {
      texts,
      title: document.title,
      elements: document.querySelectorAll(odd).length,
    };
  });
  expect(found.elements).toBe(0);
  expect(found.title).not.toBe('broken');
  const hidden = /(?![\n\t])[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;
  expect([found.title, ...found.texts].filter((text) => hidden.test(text))).toEqual([]);
  expect(found.texts.join(' ')).not.toMatch(/something went wrong|undefined|\[object/i);
}
