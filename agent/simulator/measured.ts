import type { Quantity } from '../readings/quantity.ts';
import type { LoadState } from './load.ts';

export type Measured = Partial<Record<Quantity, number>>;

/** How a house on three phases shares its load; the voltages differ as they do in a street. */
const PHASES = [
  { name: 'l1', share: 0.5, offsetV: 0 },
  { name: 'l2', share: 0.3, offsetV: 1.1 },
  { name: 'l3', share: 0.2, offsetV: -0.8 },
] as const;

const degrees = (radians: number) => (radians * 180) / Math.PI;
const factorOf = (activeW: number, apparentVA: number) => (apparentVA === 0 ? 1 : activeW / apparentVA);

/** All that a meter on one phase can measure of a load; unrounded. */
function onePhase({ activeW, reactiveVar, voltageV, frequencyHz }: LoadState): Measured {
  const apparentVA = Math.hypot(activeW, reactiveVar);
  return {
    frequency: frequencyHz,
    voltage: voltageV,
    current: apparentVA / voltageV,
    active_power: activeW,
    reactive_power: reactiveVar,
    apparent_power: apparentVA,
    power_factor: factorOf(activeW, apparentVA),
    phase_angle: degrees(Math.atan2(reactiveVar, activeW)),
  };
}

/** The same load on three phases: totals, the current of all phases together, and each phase. */
function threePhases(load: LoadState): Measured {
  const measured = onePhase(load);
  const neutral = { along: 0, across: 0 };
  let current = 0;
  PHASES.forEach(({ name, share, offsetV }, i) => {
    const phase = onePhase({
      ...load,
      activeW: load.activeW * share,
      reactiveVar: load.reactiveVar * share,
      voltageV: load.voltageV + offsetV,
    });
    for (const [quantity, value] of Object.entries(phase)) {
      if (quantity !== 'frequency') measured[`${quantity}_${name}` as Quantity] = value;
    }
    const angle = (i * 2 * Math.PI) / 3 + Math.atan2(load.reactiveVar, load.activeW);
    neutral.along += (phase.current ?? 0) * Math.cos(angle);
    neutral.across += (phase.current ?? 0) * Math.sin(angle);
    current += phase.current ?? 0;
  });
  const [first = 0, second = 0, third = 0] = PHASES.map(({ offsetV }) => load.voltageV + offsetV);
  const between = (a: number, b: number) => Math.sqrt(a * a + b * b + a * b);
  return {
    ...measured,
    current,
    current_n: Math.hypot(neutral.along, neutral.across),
    voltage_l1_l2: between(first, second),
    voltage_l2_l3: between(second, third),
    voltage_l3_l1: between(third, first),
  };
}

export function measure(load: LoadState, phases: 1 | 3): Measured {
  return phases === 1 ? onePhase(load) : threePhases(load);
}

/** The share of the whole that a phase has, by the end of a quantity's name; 1 for what is the meter's as a whole. */
export function shareOf(quantity: string): number {
  return PHASES.find(({ name }) => quantity.endsWith(`_${name}`))?.share ?? 1;
}
