import { expect, test } from 'vitest';
import type { Evidence } from '../../agent/doctor/evidence.ts';
import { examine } from '../../agent/doctor/examine.ts';
import { codeOf, findingsOf } from '../../agent/doctor/verdict.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { virtualLine } from '../support/virtual-line.ts';

const MEASURE_MS = 600;

async function examined(path: string, expected?: Evidence['expected'], measureMs = MEASURE_MS) {
  const target = { kind: 'serial', path } as const;
  const signal = new AbortController().signal;
  const evidence = await examine(target, { measureMs, signal, ...(expected ? { expected } : {}) });
  const findings = findingsOf(evidence);
  return { evidence, findings, causes: findings.map(({ cause }) => cause), code: codeOf(findings, evidence.expected) };
}

test.for([
  ['refuses', false],
  ['is silent about', true],
] as const)('a meter that %s long reads has no fault of the line', async ([, silentRefusals]) => {
  const { line } = virtualLine({ meter: { maxRegisters: 12 }, silentRefusals });
  const { evidence, findings, causes, code } = await examined(line.linkPath);
  expect(evidence.measured).toMatchObject({ failed: 0, short: { registers: 1 } });
  expect(evidence.measured?.long.registers).toBeGreaterThan(1);
  expect(evidence.measured?.long.registers).toBeLessThanOrEqual(12);
  expect(causes).toContain('short-reads');
  expect(causes).toContain('healthy');
  expect(findings.find(({ cause }) => cause === 'short-reads')?.sentence).toMatch(/reads of 41 /);
  expect(code).toBeUndefined();
});

const elsewhere = (name: string) => ({
  ...WE_515,
  name,
  identify: [],
  fields: WE_515.fields.map((field) => ({ ...field, address: field.address + 0x4000 })),
});

test.for([
  ['a built-in model', WE_515, MEASURE_MS],
  ['the same, only looked for', WE_515, 0],
  ['a table of registers that are elsewhere', elsewhere('my-meter'), MEASURE_MS],
] as const)('a meter without the registers that were expected is not called good: %s', async ([, model, measureMs]) => {
  const { line } = virtualLine({
    meter: {
      model: { ...elsewhere('other'), fields: WE_515.fields.map((f) => ({ ...f, address: f.address + 0x2000 })) },
      illegal: (address) => address < 0x2000 || address >= 0x4000,
    },
  });
  const expected = { by: 'configuration', meter: 'house', model, modelName: model.name, unit: 1 } as const;
  const { findings, code } = await examined(line.linkPath, expected, measureMs);
  expect(findings).toMatchObject([{ cause: 'wrong-model', level: 'fault' }]);
  expect(findings[0]?.sentence).toContain(`the configuration says for house ${model.name}`);
  expect(code).toBe('config');
});
