import { decodeRaw, encodeRaw } from '../codec.ts';
import { TYPE_WORDS } from '../model.ts';
import type { SettingRegister } from './tables.ts';

const HIGH_FIRST = { wordOrder: 'high-first', byteOrder: 'high-first' } as const;

/** Registers of a setting. */
export const settingWords = ({ type }: SettingRegister): number => TYPE_WORDS[type];

/** The number in the setting's bits. @param registers two bytes each, as they came */
export function decodeSetting({ type, mask }: SettingRegister, registers: Buffer): number {
  const raw = decodeRaw({ type, ...HIGH_FIRST }, registers);
  if (mask === undefined) return raw;
  return (raw & mask) >> (mask === 0xff00 ? 8 : 0);
}

/** The registers with another number in the setting's bits, and all else as it is. */
export function encodeSetting({ type, mask }: SettingRegister, value: number, registers: Buffer): Buffer {
  if (mask === undefined) return encodeRaw({ type, ...HIGH_FIRST }, value);
  const bits = mask === 0xff00 ? value << 8 : value;
  return encodeRaw({ type, ...HIGH_FIRST }, (registers.readUInt16BE() & ~mask & 0xffff) | bits);
}
