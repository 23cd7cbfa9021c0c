import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// A `title` shows under a pointer only; ui/tips.tsx explains on focus and by touch too.
test('no element explains itself by its title attribute', () => {
  const root = new URL('../../web/src/', import.meta.url).pathname;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.tsx'),
  );
  expect(files.length).toBeGreaterThan(50);
  // An opening tag of HTML up to its first attribute named title; a component's is a property of its own.
  const tag = /<[a-z][\w-]*(?=\s)(?:[^<>{}]|\{(?:[^{}]|\{[^{}]*\})*\})*?\stitle=/;
  const found = files.filter((file) => tag.test(readFileSync(root + file, 'utf8')));
  expect(found).toEqual([]);
});
