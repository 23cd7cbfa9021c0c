// Runs one command of the command line after another, in one process: the main file given is imported anew for each, and
// what it imports is loaded once. Takes arguments as messages, and answers with what came of them.
import { pathToFileURL } from 'node:url';

const main = process.argv[2];
let count = 0;
process.stdout.setMaxListeners(0);
process.stderr.setMaxListeners(0);

process.on('message', async (args) => {
  process.argv = [process.execPath, main, ...args];
  process.exitCode = 0;
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    process[name].write = (chunk, encoding, done) => {
      said[name] += Buffer.from(chunk).toString();
      (typeof encoding === 'function' ? encoding : done)?.();
      return true;
    };
  }
  await import(`${pathToFileURL(main)}?${++count}`);
  process.send({ code: process.exitCode, ...said });
});
