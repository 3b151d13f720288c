import { SDM120, SDM230, SDM630 } from './eastron.ts';
import type { MeterModel } from './model.ts';
import { WE_504, WE_514, WE_515, WE_525, WE_526 } from './orno.ts';
import { WE_516, WE_517 } from './orno-three-phase.ts';

/** All meters that are built in, as people look for them. */
export const MODELS: readonly MeterModel[] = [
  WE_504,
  WE_514,
  WE_515,
  WE_516,
  WE_517,
  WE_525,
  WE_526,
  SDM120,
  SDM230,
  SDM630,
];

const BY_NAME: ReadonlyMap<string, MeterModel> = new Map(MODELS.map((model) => [model.name, model]));

export function findModel(name: string): MeterModel | undefined {
  return BY_NAME.get(name);
}
