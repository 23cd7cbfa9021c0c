import { probeAnswer, unitProbeAnswer } from '../../../../../src/answers/probe-answer.ts';
import { notInPage, openSiteModel } from '../../../../../src/answers/site-model.ts';
import { plain } from '../../../../../src/answers/wire.ts';
import type { Progress } from '../../../../../src/base/progress.ts';
import type { AblationAnswer, ImportanceAnswer } from '../../../../../src/contract/explain-answers.ts';
import type { ProbeAnswer, UnitProbeAnswer } from '../../../../../src/contract/probe-answers.ts';
import type { SiteHead } from '../../../../../src/contract/site.ts';
import { ablate } from '../../../../../src/explain/ablate.ts';
import { explainUnits } from '../../../../../src/explain/explained.ts';
import { tokenImportance } from '../../../../../src/explain/importance.ts';
import { Prober } from '../../../../../src/explain/probe.ts';
import type { WebRuntime } from '../../../../../src/model/backends/onnxruntime-web.ts';
import type { ModelQuestions } from '../../source.ts';
import type { SiteFiles } from '../site-files.ts';
import { siteUnits } from '../site-units.ts';
import { loadParts } from './load-parts.ts';
import type { Loaded } from './messages.ts';
import { siteReader } from './site-reader.ts';

/**
 * Loads the model of a site and starts it in this thread.
 *
 * @param runtime gives the runtime's script, as a module
 * @throws ApiError, PolysemeError where a file is missing, damaged, or another site's
 */
export async function openModelAnswers(
  files: SiteFiles,
  head: SiteHead,
  runtime: () => Promise<WebRuntime>,
  onLoaded: (loaded: Loaded) => void,
  onProgress: (progress: Progress) => void = () => {},
): Promise<ModelQuestions> {
  const parts = await loadParts(files, head.model!, runtime, onLoaded);
  const opened = await openSiteModel(
    head.model!.source,
    parts,
    head.study.banks.map(({ name }) => name),
  );
  const reader = siteReader(files, head, parts.head, siteUnits(files, head), opened.model.tokenizer);
  const explained = explainUnits(reader, async () => opened, { missing: notInPage });
  const prober = new Prober(explained);
  const describe = async (bank: string, index: number, feature: number) =>
    (await reader.names(bank, index))[feature]!;
  return {
    async probe({ text, ...options }, signal) {
      return plain<ProbeAnswer>(
        await probeAnswer(await prober.probe(text, { ...options, signal }), describe),
      );
    },
    async unitProbe(bank, index, text, signal) {
      return plain<UnitProbeAnswer>(
        await unitProbeAnswer(await prober.unit(text, bank, index, { signal }), describe),
      );
    },
    async importance(bank, index, examples, signal) {
      return plain<ImportanceAnswer>(
        await tokenImportance(explained, { bank, index, examples, signal, onProgress }),
      );
    },
    async ablation(bank, index, contexts, signal) {
      return plain<AblationAnswer>(await ablate(explained, { bank, index, contexts, signal, onProgress }));
    },
  };
}
