import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export interface Look extends BrowserContextOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
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
  const { width = 1440, height = 900, dark = false, ...options } = look;
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
  const { origin } = new URL(url);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 404/.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) faults.push(request.url());
  });
  await page.goto(url);
  return page;
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
