import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const USUAL = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Chromium of this machine: CHROMIUM_PATH, or where it usually is; null where there is none. */
export const chromiumPath: string | null =
  process.env['CHROMIUM_PATH'] ?? USUAL.find((path) => existsSync(path)) ?? null;

/** Whether browser tests run: without a browser they are skipped, unless REQUIRE_BROWSER=1 asks that they fail. */
export const hasBrowser = chromiumPath !== null || process.env['REQUIRE_BROWSER'] === '1';

/** What of the browser does not run. */
const OFF = [
  // Each window loads pages of the browser’s own for the list below its address bar, which is half of what a window costs.
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup', 'PreloadTopChromeWebUI'],
  // What Playwright turns off, whose list this one replaces.
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades'],
  ...['HttpsFirstBalancedModeAutoEnable', 'LensOverlay', 'MediaRouter', 'PaintHolding', 'AimEnabled'],
  ...[
    'ThirdPartyStoragePartitioning',
    'OptimizationHints',
    'NetworkTimeServiceQuerying',
    'PreconnectToSearch',
  ],
];

export function launchBrowser(): Promise<Browser> {
  if (chromiumPath === null) {
    throw new Error('no Chromium was found: install it, or set CHROMIUM_PATH to one');
  }
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--disable-features=${OFF}`,
    ],
  });
}
