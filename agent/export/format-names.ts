export const FORMAT_NAMES = ['table', 'csv', 'json', 'line'] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];
