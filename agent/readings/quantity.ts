/** Units of the quantities; SI inside the agent, except the energy counters, whose unit is the meter's and the bill's. */
export type Unit = 'Hz' | 'V' | 'A' | 'W' | 'var' | 'VA' | '' | '°' | 'kWh' | 'kvarh' | 's';

/**
 * gauge: a value of the moment. counter: only ever grows, except when the meter is replaced or the machine starts anew.
 * flag: 0 or 1.
 */
export type QuantityKind = 'gauge' | 'counter' | 'flag';

export interface QuantityInfo {
  unit: Unit;
  kind: Exclude<QuantityKind, 'flag'>;
  label: string;
}

const gauge = (unit: Unit, label: string): QuantityInfo => ({ unit, kind: 'gauge', label });
const counter = (unit: Unit, label: string): QuantityInfo => ({ unit, kind: 'counter', label });

const PHASES = { l1: 'phase 1', l2: 'phase 2', l3: 'phase 3' } as const;
const TARIFFS = { t1: 'tariff 1', t2: 'tariff 2', t3: 'tariff 3', t4: 'tariff 4' } as const;
const DIRECTIONS = { import: 'import', export: 'export' } as const;

/** `voltage` and PHASES make `voltage_l1` to `voltage_l3`. */
function eachOf<const Name extends string, const Part extends string>(
  name: Name,
  parts: Readonly<Record<Part, string>>,
  info: QuantityInfo,
): Record<`${Name}_${Part}`, QuantityInfo> {
  const entries = Object.entries<string>(parts).map(([part, label]) => [
    `${name}_${part}`,
    { ...info, label: `${info.label}, ${label}` },
  ]);
  return Object.fromEntries(entries) as Record<`${Name}_${Part}`, QuantityInfo>;
}

const ACTIVE = counter('kWh', 'active energy');
const REACTIVE = counter('kvarh', 'reactive energy');
const imported = (info: QuantityInfo) => ({ ...info, label: `${info.label}, import` });
const exported = (info: QuantityInfo) => ({ ...info, label: `${info.label}, export` });

/**
 * Every quantity by its name in the journal and in InfluxDB (field names of measurement `energy`; types never change).
 * A name without a phase is the meter's as a whole: of three phases the total. Export is a negative power. `active_energy`
 * is what a meter that counts one way has counted; one that counts both ways has `_import` and `_export`.
 */
export const QUANTITIES = {
  frequency: gauge('Hz', 'frequency'),
  voltage: gauge('V', 'voltage'),
  current: gauge('A', 'current'),
  active_power: gauge('W', 'active power'),
  reactive_power: gauge('var', 'reactive power'),
  apparent_power: gauge('VA', 'apparent power'),
  power_factor: gauge('', 'power factor'),
  active_energy: ACTIVE,
  ...eachOf('active_energy', TARIFFS, ACTIVE),
  reactive_energy: REACTIVE,
  ...eachOf('reactive_energy', TARIFFS, REACTIVE),
  start_offset: gauge('s', 'start of the sample after its second'),
  duration: gauge('s', 'duration of the sample'),
  ...eachOf('voltage', PHASES, gauge('V', 'voltage')),
  voltage_l1_l2: gauge('V', 'voltage between phases 1 and 2'),
  voltage_l2_l3: gauge('V', 'voltage between phases 2 and 3'),
  voltage_l3_l1: gauge('V', 'voltage between phases 3 and 1'),
  ...eachOf('current', PHASES, gauge('A', 'current')),
  current_n: gauge('A', 'current of the neutral'),
  ...eachOf('active_power', PHASES, gauge('W', 'active power')),
  ...eachOf('reactive_power', PHASES, gauge('var', 'reactive power')),
  ...eachOf('apparent_power', PHASES, gauge('VA', 'apparent power')),
  ...eachOf('power_factor', PHASES, gauge('', 'power factor')),
  phase_angle: gauge('°', 'phase angle'),
  ...eachOf('phase_angle', PHASES, gauge('°', 'phase angle')),
  ...eachOf('active_energy', DIRECTIONS, ACTIVE),
  ...eachOf('active_energy', PHASES, ACTIVE),
  ...eachOf('active_energy_import', PHASES, imported(ACTIVE)),
  ...eachOf('active_energy_export', PHASES, exported(ACTIVE)),
  ...eachOf('active_energy_import', TARIFFS, imported(ACTIVE)),
  ...eachOf('active_energy_export', TARIFFS, exported(ACTIVE)),
  ...eachOf('reactive_energy', DIRECTIONS, REACTIVE),
  ...eachOf('reactive_energy', PHASES, REACTIVE),
  ...eachOf('reactive_energy_import', PHASES, imported(REACTIVE)),
  ...eachOf('reactive_energy_export', PHASES, exported(REACTIVE)),
  ...eachOf('reactive_energy_import', TARIFFS, imported(REACTIVE)),
  ...eachOf('reactive_energy_export', TARIFFS, exported(REACTIVE)),
} as const satisfies Record<string, QuantityInfo>;

export type Quantity = keyof typeof QUANTITIES;

/** Quantities that the collector measures itself; no meter has them. */
const OF_THE_SAMPLE: readonly Quantity[] = ['start_offset', 'duration'];

/** What a register of a meter can hold. */
export const METER_QUANTITIES = (Object.keys(QUANTITIES) as Quantity[]).filter((name) => !OF_THE_SAMPLE.includes(name));

/** What is known of a quantity, by name; undefined for names of other measurements. */
export function quantityInfo(name: string): QuantityInfo | undefined {
  return Object.hasOwn(QUANTITIES, name) ? QUANTITIES[name as Quantity] : undefined;
}

/** Of measurement `host`, whose names tell: units and disks come and go, so there is no list of them. */
const HOST_COUNTER =
  /^(?:collector_)?uptime_seconds$|^collector_gaps_[a-z]+$|_(?:written|received|sent)_bytes$|_restarts$/;
const HOST_FLAG =
  /^(?:under_voltage|frequency_capped|throttled|soft_temperature_limit)(?:_has_occurred)?$|^unit_.*_(?:active|failed)$/;

/** What kind a quantity of any measurement is; what is not known is a gauge. */
export function quantityKind(name: string): QuantityKind {
  const known = quantityInfo(name)?.kind;
  if (known !== undefined) return known;
  return HOST_COUNTER.test(name) ? 'counter' : HOST_FLAG.test(name) ? 'flag' : 'gauge';
}
