// npm run licences: what everything that is installed with Polyseme may be used under, from the lock file. Fails where a
// licence is none of those that go together with ours (MIT).
import { readFileSync } from 'node:fs';

/** Licences of code that is installed beside ours and asks nothing of it but their own text. */
const PERMISSIVE = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Unlicense',
]);
/** A shared library that is loaded, and that a user can replace: libvips, behind the optional `sharp`. */
const SHARED = { licence: 'LGPL-3.0-or-later', packages: /^@img\/sharp-/ };

/** Packages of a lock file that are installed with the product, sorted: name, version, licence. */
export function installed(lock) {
  return Object.entries(lock.packages)
    .filter(([path, { dev, link }]) => path !== '' && !dev && !link)
    .map(([path, { version, license }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license ?? 'none given',
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether a package may be installed with ours. Of `A OR B` one is enough, of `A AND B` both are needed. */
export function isCompatible({ name, licence }) {
  const one = (id) => PERMISSIVE.has(id) || (id === SHARED.licence && SHARED.packages.test(name));
  const plain = licence.replace(/^\((.*)\)$/, '$1');
  return plain.split(' OR ').some((all) => all.split(' AND ').every((id) => one(id.trim())));
}

if (import.meta.filename === process.argv[1]) {
  const packages = installed(
    JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')),
  );
  for (const { name, version, licence } of packages) console.log(`${name} ${version}: ${licence}`);
  const others = packages.filter((one) => !isCompatible(one));
  for (const { name, licence } of others)
    console.error(`${name} is under ${licence}: not known to go with MIT`);
  console.log(`${packages.length} packages, ${others.length} not compatible`);
  if (others.length > 0) process.exitCode = 1;
}
