// node ours.mjs STUDY BANK INDEX
import { explain } from '../../../dist/explain/explained.js';
import { tokenImportance } from '../../../dist/explain/importance.js';
import { openExplained } from '../../../dist/server/explain/open-explained.js';
import { openStudy } from '../../../dist/study/open-study.js';
import { answer } from '../child.mjs';

const [path, bank, index] = process.argv.slice(2);
const study = openStudy(path);
const explained = openExplained(study);
const [model, opened] = [await explained.model(), await explained.bank(bank)];
// Without the results that are kept beside the study.
const afresh = explain(study, async () => ({ model, files: null, banks: [opened], close: async () => {} }));
await answer(async () => {
  const { examples } = await tokenImportance(afresh, { bank, index: Number(index) });
  return { drops: examples.flatMap(({ drops }) => drops) };
});
await explained.close();
study.close();
