/** Units of the quantities; SI inside the agent, except the energy counters, whose unit is the meter's and the bill's. */
export type Unit = 'Hz' | 'V' | 'A' | 'W' | 'var' | 'VA' | '' | 'kWh' | 'kvarh' | 's';

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

/** Every quantity by its name in the journal and in InfluxDB (field names of measurement `energy`; types never change). */
export const QUANTITIES = {
  frequency: { unit: 'Hz', kind: 'gauge', label: 'frequency' },
  voltage: { unit: 'V', kind: 'gauge', label: 'voltage' },
  current: { unit: 'A', kind: 'gauge', label: 'current' },
  active_power: { unit: 'W', kind: 'gauge', label: 'active power' },
  reactive_power: { unit: 'var', kind: 'gauge', label: 'reactive power' },
  apparent_power: { unit: 'VA', kind: 'gauge', label: 'apparent power' },
  power_factor: { unit: '', kind: 'gauge', label: 'power factor' },
  active_energy: { unit: 'kWh', kind: 'counter', label: 'active energy' },
  active_energy_t1: { unit: 'kWh', kind: 'counter', label: 'active energy, tariff 1' },
  active_energy_t2: { unit: 'kWh', kind: 'counter', label: 'active energy, tariff 2' },
  active_energy_t3: { unit: 'kWh', kind: 'counter', label: 'active energy, tariff 3' },
  active_energy_t4: { unit: 'kWh', kind: 'counter', label: 'active energy, tariff 4' },
  reactive_energy: { unit: 'kvarh', kind: 'counter', label: 'reactive energy' },
  reactive_energy_t1: { unit: 'kvarh', kind: 'counter', label: 'reactive energy, tariff 1' },
  reactive_energy_t2: { unit: 'kvarh', kind: 'counter', label: 'reactive energy, tariff 2' },
  reactive_energy_t3: { unit: 'kvarh', kind: 'counter', label: 'reactive energy, tariff 3' },
  reactive_energy_t4: { unit: 'kvarh', kind: 'counter', label: 'reactive energy, tariff 4' },
  start_offset: { unit: 's', kind: 'gauge', label: 'start of the sample after its second' },
  duration: { unit: 's', kind: 'gauge', label: 'duration of the sample' },
} as const satisfies Record<string, QuantityInfo>;

export type Quantity = keyof typeof QUANTITIES;

/** What is known of a quantity, by name; undefined for names of other measurements. */
export function quantityInfo(name: string): QuantityInfo | undefined {
  return Object.hasOwn(QUANTITIES, name) ? QUANTITIES[name as Quantity] : undefined;
}

/** Of measurement `host`, whose names tell: units and disks come and go, so there is no list of them. */
const HOST_COUNTER = /^uptime_seconds$|_(?:written|received|sent)_bytes$|_restarts$/;
const HOST_FLAG =
  /^(?:under_voltage|frequency_capped|throttled|soft_temperature_limit)(?:_has_occurred)?$|^unit_.*_(?:active|failed)$/;

/** What kind a quantity of any measurement is; what is not known is a gauge. */
export function quantityKind(name: string): QuantityKind {
  const known = quantityInfo(name)?.kind;
  if (known !== undefined) return known;
  return HOST_COUNTER.test(name) ? 'counter' : HOST_FLAG.test(name) ? 'flag' : 'gauge';
}
