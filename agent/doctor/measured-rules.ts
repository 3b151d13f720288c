import type { Evidence } from './evidence.ts';
import type { Measured, Tally } from './measure.ts';
import { responseTimeout } from './snippet.ts';
import type { Rule } from './verdict.ts';

/** A line that loses more than this is a fault: at one reading a second that is a gap each two minutes. */
const MOST_LOST = 0.01;
/** Fewer failures than this are chance. */
const LEAST_FAILURES = 3;
const COLLISION_SHARE = 0.3;
/** How much worse long replies fare where it is the line's ends. */
const LENGTH_RATIO = 3;

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const shareOf = ({ failed, requests }: Tally) => (requests === 0 ? 0 : failed / requests);
const isLossy = ({ failed, requests }: Measured) => failed >= LEAST_FAILURES && failed > MOST_LOST * requests;
const lost = (measured: Measured) => `${measured.failed} of ${measured.requests} reads failed`;
const lengths = ({ short, long }: Measured) =>
  `${percent(shareOf(short))} of reads of length ${short.registers}, ${percent(shareOf(long))} of length ${long.registers}`;

/** Bytes that came while nobody was asked, before the search and while it was measured. */
function quietOf({ searched, measured }: Evidence): { bytes: number; ms: number; frames: number } {
  const quiet = searched?.quiet ?? { bytes: 0, ms: 0, frames: 0 };
  return {
    bytes: quiet.bytes + (measured?.quietBytes ?? 0),
    ms: quiet.ms + (measured?.quietMs ?? 0),
    frames: quiet.frames + (measured?.foreignFrames ?? 0),
  };
}

function isNoisy(_: Measured, evidence: Evidence): boolean {
  const { bytes, ms, frames } = quietOf(evidence);
  return frames === 0 && bytes >= LEAST_FAILURES && bytes > ms / 1000;
}
const isColliding = ({ short }: Measured) => short.failed >= LEAST_FAILURES && shareOf(short) >= COLLISION_SHARE;
const isSilentOnly = ({ kinds, failed }: Measured) => (kinds.silent ?? 0) >= 0.9 * failed;
const growsWithLength = ({ short, long }: Measured) =>
  long.failed >= LEAST_FAILURES && shareOf(long) >= LENGTH_RATIO * shareOf(short);

/** One of them explains the losses; the order says which. */
const LOSSES = [
  ['other-master', (_: Measured, evidence: Evidence) => quietOf(evidence).frames > 0],
  ['noise', isNoisy],
  ['collision', isColliding],
  ['unsteady', isSilentOnly],
  ['termination', growsWithLength],
  ['unsteady', () => true],
] as const;

/** What the losses of a line come from; undefined: it loses no more than chance. */
export function lossOf(evidence: Evidence): string | undefined {
  const { measured } = evidence;
  if (!measured || !isLossy(measured)) return undefined;
  return LOSSES.find(([, holds]) => holds(measured, evidence))?.[0];
}

/** Then nothing mends itself: the collector waits as long as the configuration says. */
const isChecked = ({ expected }: Evidence) => expected?.by === 'configuration';

const isOftenLate = ({ measured }: Evidence) =>
  measured !== undefined && measured.late >= LEAST_FAILURES && measured.late > MOST_LOST * measured.requests;

function latenessOf({ measured }: Evidence): string | undefined {
  if (!measured?.latency || measured.late === 0) return undefined;
  return `it takes up to ${Math.round(measured.latency.mostMs)} ms to begin an answer; ${measured.late} of ${measured.requests} came later than the ${measured.patienceMs} ms that the collector waits`;
}

/** What holds of a line that was measured. */
export const MEASURED_RULES: readonly Rule[] = [
  {
    cause: 'other-master',
    level: 'fault',
    seen: (evidence) => {
      const { frames } = quietOf(evidence);
      return frames > 0 ? `somebody else asks meters on this line: ${frames} frames that are not ours` : undefined;
    },
    remedies: () => ['stop the other reader, or read over its gateway: a line has one master'],
  },
  {
    cause: 'noise',
    level: 'fault',
    seen: (evidence) =>
      evidence.measured && lossOf(evidence) === 'noise'
        ? `the line is noisy: ${quietOf(evidence).bytes} bytes out of nowhere, ${lost(evidence.measured)}`
        : undefined,
    remedies: () => [
      'connect the ground (G, C) of meter and adapter',
      'use a twisted, shielded pair away from mains cables, its shield grounded at one end',
      'use an adapter with bias resistors, or add them: an idle line must not float',
    ],
  },
  {
    cause: 'collision',
    level: 'fault',
    seen: (evidence) =>
      evidence.measured && lossOf(evidence) === 'collision'
        ? `even short replies are damaged: ${lost(evidence.measured)}, ${lengths(evidence.measured)}`
        : undefined,
    remedies: () => [
      'leave one meter on the line: two of the same unit answer at once',
      'check the screws and the pair for a loose or broken wire',
    ],
  },
  {
    cause: 'termination',
    level: 'fault',
    seen: (evidence) =>
      evidence.measured && lossOf(evidence) === 'termination'
        ? `long replies are damaged more than short ones: ${lost(evidence.measured)}, ${lengths(evidence.measured)}`
        : undefined,
    remedies: () => [
      'put 120 ohm between A and B at both ends of the line, and nowhere else',
      'run the line from device to device, without branches',
      'set the meter to a lower baud rate',
      'connect the ground (G, C), away from mains cables: noise looks alike',
    ],
  },
  {
    cause: 'unsteady',
    level: 'fault',
    seen: (evidence) =>
      evidence.measured && lossOf(evidence) === 'unsteady'
        ? `${lost(evidence.measured)} (${Object.entries(evidence.measured.kinds)
            .map(([kind, count]) => `${kind} ${count}`)
            .join(', ')})`
        : undefined,
    remedies: () => [
      'check the screws: a loose wire answers now and then',
      'a meter that is silent now and then may need more time: write responseTimeout: 1s below connection',
      'try another adapter',
    ],
  },
  {
    cause: 'slow',
    level: 'fault',
    seen: (evidence) => (isChecked(evidence) && isOftenLate(evidence) ? latenessOf(evidence) : undefined),
    remedies: (evidence) => [`write responseTimeout: ${responseTimeout(evidence)} below connection`],
  },
  {
    cause: 'slow',
    level: 'note',
    seen: (evidence) => (isChecked(evidence) ? undefined : latenessOf(evidence)),
    remedies: () => ['keep the responseTimeout that stands in the configuration below'],
  },
  {
    cause: 'short-reads',
    level: 'note',
    seen: ({ questions }) =>
      questions && questions.refused.length > 0
        ? `it does not answer reads of ${questions.refused.join(' and ')} registers; measured with ${questions.long.count} at most`
        : undefined,
    remedies: () => ['nothing has to be done: the collector finds that out as well, and reads less at a time'],
  },
  {
    cause: 'parity-errors',
    level: 'note',
    seen: ({ measured }) => {
      const counted = measured?.counted;
      if (!counted || !measured || counted.frame + counted.parity <= MOST_LOST * measured.requests) return undefined;
      return `the adapter counts ${counted.parity} parity and ${counted.frame} framing errors in replies that were right otherwise: parity or stop bits may fit by luck`;
    },
    remedies: () => ["compare parity and stop bits with the meter's display or manual"],
  },
  {
    cause: 'echo',
    level: 'note',
    seen: ({ searched, measured }) =>
      (searched?.echoes ?? 0) + (measured?.echoes ?? 0) > 0
        ? 'the adapter hears itself: each request comes back'
        : undefined,
    remedies: () => ['nothing has to be done: the collector skips it. Some adapters have a switch against it'],
  },
  {
    cause: 'stray-bytes',
    level: 'note',
    seen: ({ measured }) =>
      measured && !isLossy(measured) && measured.withStrays > 0.05 * measured.requests && measured.foreignFrames === 0
        ? `${measured.withStrays} of ${measured.requests} replies had bytes before or after them`
        : undefined,
    remedies: () => ['harmless, they are skipped; an adapter with bias resistors has none'],
  },
  {
    cause: 'healthy',
    level: 'good',
    seen: ({ measured }) =>
      measured && measured.requests > 0
        ? `the line is good: ${measured.requests} reads, ${measured.failed === 0 ? 'none' : measured.failed} failed`
        : 'a meter answers',
    remedies: () => [],
  },
];
