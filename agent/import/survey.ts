import { BadRecord } from './bad-record.ts';
import type { Converter } from './converter.ts';
import { locatedError } from './located-error.ts';
import type { Progress } from './progress.ts';
import type { Source } from './source.ts';
import { NOTHING } from './tally.ts';

/**
 * Looks through a source before anything of it is stored: what is in the journal is never changed, so everything that the
 * person may have to say (units, meters, models) has to be asked first.
 * @throws AgentError with the first question
 */
export async function survey(
  source: Source,
  converter: Converter,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const tally = { ...NOTHING };
  for await (const items of source.survey?.() ?? []) {
    for (const { content, line } of items) {
      if (content === undefined || content instanceof BadRecord) continue;
      tally.records++;
      try {
        converter.convert(content);
      } catch (error) {
        // Invalid records are shown and counted when their turn comes.
        if (!(error instanceof BadRecord)) throw locatedError(error, source, line);
      }
    }
    progress.update(tally, source.share());
    if (signal.aborted) return;
  }
}
