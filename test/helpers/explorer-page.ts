import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

export interface Look extends BrowserContextOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** Whether something that the page asks for may be missing. */
  readonly missing?: boolean;
  /** Where its requests may go; default: the origin of its address. */
  readonly base?: string;
  /** Called before the page is loaded. */
  readonly before?: (page: Page) => Promise<void>;
}

/** What a page must not do: ask another host, break the content security policy, throw. */
export type Faults = string[];

/** Opens a page of an explorer in a context of its own; what it does wrong is added to `faults`. */
export async function openPage(
  browser: Browser,
  url: string,
  faults: Faults,
  look: Look = {},
): Promise<Page> {
  const { width = 1280, height = 900, dark = false, missing = false, before, ...rest } = look;
  const { base = new URL(url).origin, ...options } = rest;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    ...options,
  });
  // Layout shifts of the whole load, as Chromium reports them.
  await context.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    const isMissing = missing && /status of 404/.test(message.text());
    if (message.type() === 'error' && !isMissing) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) faults.push(request.url());
  });
  await before?.(page);
  await page.goto(url);
  return page;
}

/** Opens a page, looks at it, and closes it; it must do nothing wrong meanwhile. */
export async function visitPage(
  browser: Browser,
  url: string,
  work: (page: Page) => Promise<void>,
  look?: Look,
): Promise<void> {
  const faults: Faults = [];
  const page = await openPage(browser, url, faults, look);
  try {
    await work(page);
    expect(faults).toEqual([]);
  } finally {
    await page.context().close();
  }
}

/** Cumulative layout shift since the page was opened. */
export function layoutShift(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { shifts } = window as unknown as { shifts: number[] };
    return shifts.reduce((sum, shift) => sum + shift, 0);
  });
}

/** Texts of elements that are cut off sideways: "numbers are never cut". */
export function cutTexts(page: Page, selector: string): Promise<string[]> {
  return page
    .locator(selector)
    .evaluateAll((elements) =>
      elements
        .filter((element) => element.clientWidth > 0 && element.scrollWidth > element.clientWidth)
        .map((element) => element.textContent ?? ''),
    );
}
