import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate for 127.0.0.1 that vouches for itself, made now. @param directory where its files lie */
export function selfSigned(directory: string): { cert: string; key: string; ca: string } {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2'];
  const whose = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...what, ...whose, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { cert, key, ca: readFileSync(cert, 'utf8') };
}
