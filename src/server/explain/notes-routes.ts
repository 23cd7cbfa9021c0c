import { notesAnswer } from '../../answers/notes-answer.ts';
import { HttpProblem } from '../../answers/problem.ts';
import type { StudySource } from '../../answers/served-study.ts';
import * as contract from '../../contract/notes.ts';
import { unitParams } from '../../contract/queries.ts';
import { PolysemeError } from '../../errors.ts';
import { keptModelNames } from '../../explain/model-names.ts';
import { type Notes, type NotesLine, notesLine, type Place, readNotes } from '../../explain/notes.ts';
import { appendNoteLine, notesPath, readNoteLines } from '../../study/notes-file.ts';
import type { UnitDetail } from '../../study/record.ts';
import { type Route, route } from '../route.ts';

/** The routes of notes on a study and of blind tests; none of them needs the model. */
export const notesRoutes: readonly Route[] = [
  route({
    path: '/api/notes',
    summary:
      'Stars and notes on units and features, searches that are kept, and how blind tests of splits went',
    query: contract.notesQuery,
    answer: contract.notesAnswer,
    fresh: true,
    handle: ({ study }, _, { bank, index }) => {
      if ((bank === undefined) !== (index === undefined)) {
        throw new HttpProblem(400, 'query parameters bank and index go together');
      }
      return notesAnswer(readAll(study.path), bank === undefined ? null : { bank, index: index! });
    },
  }),
  route({
    path: '/api/notes/write',
    summary: 'Writes a star and a note on a unit or a feature, in place of those that were there',
    method: 'post',
    query: contract.noteBody,
    answer: contract.notesAnswer,
    handle: (source, _, body) => {
      const { bank, index, place } = body;
      const detail = detailOf(source, bank, index);
      if (place !== null && !isExample(detail, place)) {
        throw new HttpProblem(
          422,
          `${bank}/${index} has no example at position ${place.position} of context ${place.context}`,
        );
      }
      append(source.study.path, { kind: 'note', at: new Date().toISOString(), ...body });
      return notesAnswer(readAll(source.study.path), { bank, index });
    },
  }),
  route({
    path: '/api/notes/searches',
    summary: 'Keeps a search, or no longer',
    method: 'post',
    query: contract.keptSearchBody,
    answer: contract.notesAnswer,
    handle: ({ study }, _, body) => {
      append(study.path, { kind: 'search', at: new Date().toISOString(), ...body });
      return notesAnswer(readAll(study.path), null);
    },
  }),
  route({
    path: '/api/units/{bank}/{index}/intruders',
    summary: 'Keeps the answer to a blind test of a unit’s features',
    method: 'post',
    params: unitParams,
    query: contract.intruderBody,
    answer: contract.notesAnswer,
    handle: (source, { bank, index }, { examples, intruder, answer }) => {
      const { context, position } = detailOf(source, bank, index);
      const unknown = examples.find((id) => id >= context.length);
      if (unknown !== undefined) throw new HttpProblem(422, `${bank}/${index} has no example ${unknown}`);
      if (Math.max(intruder, answer) >= examples.length) {
        throw new HttpProblem(422, `the test has ${examples.length} passages, counted from 0`);
      }
      const places = examples.map((id) => ({ context: context[id]!, position: position[id]! }));
      append(source.study.path, {
        kind: 'intruder',
        at: new Date().toISOString(),
        ...{ bank, index, places, intruder, answer },
      });
      return notesAnswer(readAll(source.study.path), { bank, index });
    },
  }),
  route({
    path: '/api/units/{bank}/{index}/model-names',
    summary: 'Names that a language model gave the unit’s features, as polyseme name kept them',
    of: 'explain',
    params: unitParams,
    answer: contract.modelNamesAnswer,
    fresh: true,
    handle: ({ source, explained }, { bank, index }) => {
      source.row(bank, index);
      return { names: keptModelNames(explained.results, bank, index) };
    },
  }),
];

function readAll(study: string): Notes {
  return inOneLine(() => readNotes(readNoteLines(notesPath(study))));
}

function append(study: string, line: NotesLine): void {
  inOneLine(() => appendNoteLine(notesPath(study), notesLine(line)));
}

/** An error of the file of notes is the client's to see: the rest of the explorer works. */
function inOneLine<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PolysemeError ? new HttpProblem(422, error.message) : error;
  }
}

function detailOf(source: StudySource, bank: string, index: number): UnitDetail {
  source.row(bank, index);
  return source.study.detail(bank, index);
}

function isExample({ context, position }: UnitDetail, place: Place): boolean {
  return context.some((id, i) => id === place.context && position[i] === place.position);
}
