import { randomBytes } from 'node:crypto';
import { AgentError } from '../../system/errors.ts';
import type { ImportTarget } from './import-target.ts';
import { type Copy, copySelector, uncached } from './selector.ts';

const RESTORED = 'restored_';
const SCRATCH = 'scratch_';
/** A server of 1.79 takes 0 for not said, and looks at the last minutes. */
const EVER = '1';
const SCRATCH_LABEL = /^energy-monitor-scratch-[0-9a-f]{16}$/;

/** A copy that a person asked for: `restored_energy_voltage{db="LABEL"}`. */
export const restoredCopy = (label: string): Copy => ({ prefix: RESTORED, label });

/** A copy for a trial, under a name that nobody has: `scratch_energy_voltage{db="energy-monitor-scratch-..."}`. */
export const scratchCopy = (): Copy => ({
  prefix: SCRATCH,
  label: `energy-monitor-scratch-${randomBytes(8).toString('hex')}`,
});

/** Scratch copies that are there, also those of trials that were killed. */
export async function scratchCopies(target: ImportTarget): Promise<Copy[]> {
  const labels = await target.patiently(() =>
    target.api.data<string[]>('/api/v1/label/db/values', {
      'match[]': uncached('{__name__=~"scratch_.+"}'),
      start: EVER,
    }),
  );
  const copies = labels.filter((label) => SCRATCH_LABEL.test(label)).map((label) => ({ prefix: SCRATCH, label }));
  const there: Copy[] = [];
  // Labels of what was removed are told for some time.
  for (const copy of copies) if (await isThere(target, copy)) there.push(copy);
  return there;
}

/**
 * Removes a scratch copy, and nothing else: names and label have to be those of one. The server frees the room later.
 * @throws AgentError; `permission` where the server has a -deleteAuthKey
 */
export async function removeScratch(target: ImportTarget, copy: Copy): Promise<void> {
  if (copy.prefix !== SCRATCH || !SCRATCH_LABEL.test(copy.label)) {
    throw new AgentError('internal', `${copy.prefix}... of ${copy.label} is no scratch copy, so it stays`);
  }
  await target.flush();
  const selector = copySelector(copy);
  await target.patiently(async () => {
    const form = new URLSearchParams({ 'match[]': uncached(selector) });
    await target.api.send('/api/v1/admin/tsdb/delete_series', form.toString());
    if (!(await isThere(target, copy))) return;
    throw new AgentError('unavailable', `${target.url} still has scratch series of ${copy.label}`, {
      retryable: true,
      hint: 'see its log, and run it again',
    });
  });
}

async function isThere(target: ImportTarget, copy: Copy): Promise<boolean> {
  const query = { 'match[]': uncached(copySelector(copy)), start: EVER, limit: '1' };
  return (await target.patiently(() => target.api.data<unknown[]>('/api/v1/series', query))).length > 0;
}
