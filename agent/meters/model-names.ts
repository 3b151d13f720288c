/**
 * Names of the meters that are built in, as `model` of the configuration takes them. Their tables are in the catalogue, which
 * commands that read no meter need not load.
 */
export const MODEL_NAMES = [
  'we-504',
  'we-514',
  'we-515',
  'we-516',
  'we-517',
  'we-525',
  'we-526',
  'sdm120',
  'sdm230',
  'sdm630',
] as const;
