import { expect, test } from 'vitest';
import { columnsFor } from '../../agent/export/columns.ts';
import { FORMATS } from '../../agent/export/formats.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import type { Reading, Values } from '../../agent/readings/reading.ts';

const TIME = new Date(2026, 10, 21, 12, 0, 5).getTime();
const readingOf = (values: Values, meter = 'house'): Reading => ({
  series: { measurement: 'energy', meter, model: 'm' },
  timeMs: TIME,
  values,
});

const ONE: Values = {
  active_power: 1234,
  reactive_power: -40,
  voltage: 230.12,
  current: 5.412,
  frequency: 50.01,
  power_factor: 0.949,
  active_energy: 4231.45,
};
const THREE: Values = {
  active_power: 2766,
  voltage_l1: 230.1,
  voltage_l2: 231.2,
  voltage_l3: 228.9,
  current_l1: 10,
  current_l2: 5.25,
  current_l3: 2,
  active_energy_import: 123456.78,
};

test('a table of meters with one phase', () => {
  const names = columnsFor(Object.keys(ONE));
  const { head, row } = FORMATS.table;
  expect(head(names) + row(readingOf(ONE), names, true)).toBe(
    `time                meter            W     var       V        A      Hz      PF         kWh
2026-11-21 12:00:05 house         1234     -40  230.12    5.412   50.01   0.949     4231.45
`,
  );
});

test('a table with three phases fits 80 columns, beside meters with one', () => {
  const names = columnsFor([...Object.keys(ONE), ...Object.keys(THREE)]);
  const { head, row } = FORMATS.table;
  const text = head(names) + row(readingOf(THREE), names, true) + row(readingOf(ONE, 'flat'), names, false);
  expect(text).toBe(
    `time                meter            W            V                A         kWh
2026-11-21 12:00:05 house         2766  230/231/229  10.00/5.25/2.00   123456.78
2026-11-21 12:00:05 flat          1234          230             5.41     4231.45
`,
  );
});

test('a quantity that is read less often is lacking, in table and CSV', () => {
  const { active_energy: _, ...fast } = ONE;
  const names = columnsFor(Object.keys(ONE));
  expect(FORMATS.table.row(readingOf(fast), names, true)).toMatch(/0\.949 {11}-\n$/);
  expect(FORMATS.csv.row(readingOf(fast), names, true)).toContain(',0.949,,');
});

test('the columns of a file are the same for each meter with one phase; others only where there are such readings', () => {
  const usual = columnsFor([]);
  expect(usual).toEqual([...WE_515.fields.map(({ quantity }) => quantity), 'start_offset', 'duration']);
  expect(columnsFor(Object.keys(ONE))).toEqual(usual);
  expect(columnsFor(['voltage_l1', 'active_energy_export', 'of_another_measurement'])).toEqual([
    ...usual,
    'voltage_l1',
    'active_energy_export',
  ]);
});
