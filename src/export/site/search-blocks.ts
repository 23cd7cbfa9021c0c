import type { StudySource } from '../../answers/served-study.ts';
import { pack } from '../../base/pack.ts';
import { block } from '../../contract/site.ts';
import { postingsHead, postingsOf } from '../../search/postings.ts';
import type { BlockWriter } from './blocks.ts';

/** Writes what searches go over: by words, so that each fetches what is of its own. */
export async function writeSearch(source: StudySource, blocks: BlockWriter): Promise<void> {
  const passages = await source.passages();
  const firsts: string[] = [];
  for (const piece of postingsOf(passages)) {
    await blocks.write(block.postings(firsts.length), pack({ ...piece }));
    firsts.push(new TextDecoder().decode(piece.words).split('\n', 1)[0]!);
  }
  await blocks.write(block.search, pack({ ...postingsHead(passages, firsts) }));
  await blocks.json(block.vocabulary, passages.vocabulary);
  await blocks.json(block.said, source.said);
}
