import type { Load, LoadState } from '../../agent/simulator/load.ts';
import { hashedRandom } from '../../agent/simulator/random.ts';

/** A load that is another one at each step: a value of an earlier step is always seen to be wrong. */
export function restlessLoad(seed: number, stepMs: number): Load {
  return {
    at(timeMs): LoadState {
      const step = Math.floor(timeMs / stepMs);
      const random = (part: number) => hashedRandom(seed, step, part);
      return {
        activeW: Math.round(random(1) * 9000 - 2000),
        reactiveVar: Math.round(random(2) * 2000 - 500),
        voltageV: 215 + random(3) * 30,
        frequencyHz: 49.8 + random(4) * 0.4,
      };
    },
  };
}
