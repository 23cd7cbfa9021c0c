import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type ListenOptions, type RunningServer, startServer } from '../../src/server/server.ts';
import { launchBrowser } from './browser.ts';

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

/** What serves pages. */
interface Closable {
  close(): unknown;
}

/** The explorer as the tests of a file open it. */
export interface ExplorerPages {
  /** A folder that is gone when the tests are done. */
  readonly folder: string;
  /** What pages did wrong in this test; one that provokes something takes it out. */
  readonly faults: string[];
  /** Serves a study, or trainings alone, until the test that asked for it ends; before the tests: for all of them. */
  serve(study: string | null, options?: ListenOptions): Promise<RunningServer>;
  /** The same for another kind of server. */
  keep<Server extends Closable>(server: Server): Server;
  /** Opens a page in a context of its own, until the test ends. */
  open(url: string, look?: Look): Promise<Page>;
  /** Opens a page, looks at it, and closes it. */
  visit(url: string, work: (page: Page) => Promise<void>, look?: Look): Promise<void>;
}

/**
 * A browser for the tests of a `describe`, to be called there first. Pages are closed before the servers that they ask; then none
 * of them may have done what a page must not do: ask another host, break the content security policy, throw, log an error,
 * open a dialog.
 */
export function explorerPages(): ExplorerPages {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-explorer-'));
  const faults: string[] = [];
  const ofFile: Closable[] = [];
  const ofTest: Closable[] = [];
  let servers = ofFile;
  let browser: Browser | undefined;
  const close = async (closables: Closable[]) => {
    for (const one of closables.splice(0)) await one.close();
  };
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  beforeEach(() => {
    servers = ofTest;
  });
  afterEach(async () => {
    for (const context of browser!.contexts()) await context.close();
    await close(ofTest);
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await close(ofFile);
    rmSync(folder, { recursive: true, force: true });
  });
  const keep = <Server extends Closable>(server: Server): Server => {
    servers.push(server);
    return server;
  };
  const open = (url: string, look?: Look) => openPage(browser!, url, faults, look);
  return {
    folder,
    faults,
    keep,
    open,
    serve: async (study, options) => keep(await startServer(study, { port: 0, threads: 1, ...options })),
    visit: async (url, work, look) => {
      const page = await open(url, look);
      await work(page);
      await page.context().close();
    },
  };
}

/**
 * Waits until a page has its heading and nothing left to do: no request is under way, its main thread is idle, and both are still
 * so a moment later. Playwright's 'networkidle' waits half a second after the last request, of which most is waited in vain.
 */
export async function settled(page: Page): Promise<void> {
  const traffic = traffics.get(page)!;
  await page.locator('h1').first().waitFor({ state: 'attached' });
  let before: number;
  do {
    await expect.poll(() => traffic.open.size, { interval: 10 }).toBe(0);
    before = traffic.begun;
    await page.evaluate(
      () => new Promise((done) => setTimeout(() => requestIdleCallback(done, { timeout: 500 }), 50)),
    );
  } while (traffic.open.size > 0 || traffic.begun > before);
}

/** What each page has asked for. */
const traffics = new WeakMap<Page, { readonly open: Set<Request>; begun: number }>();

function watchTraffic(page: Page): void {
  const traffic = { open: new Set<Request>(), begun: 0 };
  traffics.set(page, traffic);
  page.on('request', (request) => {
    traffic.open.add(request);
    traffic.begun++;
  });
  page.on('requestfinished', (request) => traffic.open.delete(request));
  page.on('requestfailed', (request) => traffic.open.delete(request));
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

/** Opens a page in a context of its own; what it does wrong is added to `faults`. */
async function openPage(browser: Browser, url: string, faults: string[], look: Look = {}): Promise<Page> {
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
  watchTraffic(page);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    const isMissing = missing && /status of 404/.test(message.text());
    if (message.type() === 'error' && !isMissing) faults.push(message.text());
  });
  page.on('dialog', (dialog) => {
    faults.push(`${dialog.type()}: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) faults.push(request.url());
  });
  await before?.(page);
  await page.goto(url);
  return page;
}
