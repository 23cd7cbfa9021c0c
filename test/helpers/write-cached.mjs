// Keeps forty results of a study: write-cached.mjs STUDY KIND
import { openStudy } from '../../src/index.ts';
import { writeCached } from '../../src/study/cache.ts';

const [path, kind] = process.argv.slice(2);
const study = openStudy(path);
for (let i = 0; i < 40; i++) writeCached(study, { kind, key: String(i) }, new Uint8Array(1000 + i).fill(i));
study.close();
