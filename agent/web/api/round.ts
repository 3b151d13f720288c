/** Rounds the error of binary sums away. @param decimals more than any meter shows */
export function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}
