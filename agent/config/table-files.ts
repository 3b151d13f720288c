import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { YamlDocument } from './document.ts';
import { isTablePath } from './models.ts';

/** A register table that a configuration names. */
export interface NamedTable {
  file: string;
  /** Its path below the configuration's directory; undefined: it lies elsewhere. */
  inside: string | undefined;
}

/**
 * The register tables that a configuration names, each once, whether they are there or not.
 * @param text as it is written; what is no configuration names none
 * @param configFile where it stands, or is to stand
 */
export function tablesNamed(text: string, configFile: string): NamedTable[] {
  const { content } = new YamlDocument(text);
  const meters: unknown = isRecord(content) ? content.meters : undefined;
  const directory = resolve(dirname(configFile));
  const files = (Array.isArray(meters) ? (meters as unknown[]) : []).flatMap((meter) => {
    const model = isRecord(meter) ? meter.model : undefined;
    return typeof model === 'string' && isTablePath(model) ? [resolve(directory, model)] : [];
  });
  return [...new Set(files)].map((file) => ({ file, inside: pathBelow(directory, file) }));
}

/** The path of a file as seen from a directory that it lies below; undefined where it does not. */
export function pathBelow(directory: string, file: string): string | undefined {
  const path = relative(directory, file);
  return path === '' || isAbsolute(path) || path.split(sep)[0] === '..' ? undefined : path;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
