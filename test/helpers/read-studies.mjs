// Reads everything of the studies that it is given, and prints what it met: lines of PolysemeErrors, and whatever else.
import { openStudy, PolysemeError } from '../../src/index.ts';
import { verifyStudy } from '../../src/study/verify.ts';

const results = process.argv.slice(2).map((path) => {
  const errors = [];
  const odd = [];
  const attempt = (work) => {
    try {
      return work();
    } catch (error) {
      const isLine = error instanceof PolysemeError && !error.message.includes('\n');
      (isLine ? errors : odd).push(isLine ? error.message : String(error.stack));
      return null;
    }
  };
  const study = attempt(() => openStudy(path));
  if (study !== null) {
    attempt(() => study.columns());
    attempt(() => study.sampleContexts(2));
    const banks = attempt(() => study.info())?.banks ?? [];
    for (const { name } of banks) {
      attempt(() => study.bankInputs(name));
      for (const { index } of attempt(() => study.units({ bank: name })) ?? []) {
        attempt(() => study.unit(name, index));
        attempt(() => study.inputs(name, index));
        attempt(() => study.tree(name, index));
        attempt(() => study.histogram(name, index));
      }
    }
    study.close();
  }
  attempt(() => verifyStudy(path));
  return { path, errors, odd };
});
process.stdout.write(JSON.stringify(results));
