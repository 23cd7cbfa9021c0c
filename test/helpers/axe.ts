import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

interface Look {
  /** Whether the same was looked at in the light: only the colours differ in the dark. */
  readonly dark?: boolean;
  /** The part of the page that is looked at. */
  readonly within?: string;
  /** Whether what is pressed may be small: the parts of a strip are as wide as their share. */
  readonly small?: boolean;
}

/** What axe finds wrong on a page, a line each. */
export async function axeFaults(page: Page, look: Look = {}): Promise<string[]> {
  const { dark = false, within, small = false } = look;
  // In the page itself: else each look opens an empty one beside it, which takes longer than the rules.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  if (within !== undefined) axe.include(within);
  if (dark) axe.withRules(['color-contrast']);
  else axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']);
  if (small) axe.disableRules(['target-size']);
  // From the top: controls that are half scrolled under the bar of pages count as too small to be pressed.
  await page.evaluate(() => scrollTo(0, 0));
  const { violations } = await axe.analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3)}`);
}
