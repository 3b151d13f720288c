import { gatherFacts } from '../../report/gather.ts';
import { problemsIn } from '../../report/problems.ts';
import { scrub } from '../../system/scrub.ts';
import type { Place } from '../place.ts';
import { VERSION } from '../version.ts';
import { healthDocument } from './document.ts';

/** What is asked of systemd and of the journal is not asked for each look at a page. */
const KEPT_MS = 5000;
/** Streams stand still meanwhile. */
const SYSTEMD_MS = 1000;

interface Kept {
  untilMs: number;
  text: Promise<string>;
}

const kept = new WeakMap<Place, Kept>();

/**
 * How everything is, as JSON without a secret. What cannot be read is one of its problems, and the rest is told.
 * @param monotonicMs for tests
 */
export function healthOf(place: Place, monotonicMs = performance.now()): Promise<string> {
  const before = kept.get(place);
  if (before && monotonicMs < before.untilMs) return before.text;
  const text = gather(place);
  kept.set(place, { untilMs: monotonicMs + KEPT_MS, text });
  // A defect is not remembered.
  text.catch(() => kept.delete(place));
  return text;
}

async function gather({ stateDir, runtimeDirectory, configured, nowMs }: Place): Promise<string> {
  const asked = { stateDir, runtimeDirectory, configured, version: VERSION, patienceMs: SYSTEMD_MS, nowMs: nowMs() };
  const facts = await gatherFacts(asked);
  return scrub(`${JSON.stringify(healthDocument(facts, problemsIn(facts)))}\n`);
}
