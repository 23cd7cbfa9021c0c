// Serves a study, asks what the server computes once and keeps beside the study, and writes the answers: STUDY ANSWERS.
import { renameSync, writeFileSync } from 'node:fs';
import { startServer } from '../../dist/index.js';

const [study, answers] = process.argv.slice(2);
const server = await startServer(study, { port: 0 });
const asked = [];
for (let unit = 0; unit < 6; unit++) {
  for (const path of [
    `units/mlp.1/${unit}/certainty`,
    `units/mlp.1/${unit}/similar?feature=0`,
    `units/mlp.1/${unit}`,
  ]) {
    const answer = await fetch(`${server.url}/api/${path}`);
    asked.push(`${path} ${answer.status} ${await answer.text()}\n`);
  }
}
await server.close();
writeFileSync(`${answers}.new`, asked.join(''));
renameSync(`${answers}.new`, answers);
