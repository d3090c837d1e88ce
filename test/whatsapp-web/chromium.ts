import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * How the real Chromium comes to the simulated web.whatsapp.com: a certificate it is told to trust,
 * and a wrapper.
 */

export interface Certificate {
  key: string
  cert: string
  /** SHA-256 of its public key in base64, as Chromium names a certificate. */
  spki: string
}

/** Made once for a directory: a Chromium that runs goes on trusting it. */
export const makeCertificate = async (directory: string): Promise<Certificate> => {
  await mkdir(directory, { recursive: true })
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = [
    '-subj',
    '/CN=web.whatsapp.com',
    '-addext',
    'subjectAltName=DNS:web.whatsapp.com'
  ]
  if (!existsSync(certFile))
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '365',
      '-keyout',
      keyFile,
      '-out',
      certFile,
      ...subject
    ])
  const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')])
  const publicKey = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return { key, cert, spki: createHash('sha256').update(publicKey).digest('base64') }
}

/** Where names lead in a Chromium started from now on: to the simulated WhatsApp, or nowhere. */
export const writeHostRules = (
  directory: string,
  port: number,
  resolves: boolean,
  address = '127.0.0.1'
): Promise<void> =>
  writeFile(
    join(directory, 'host-rules'),
    resolves ? `MAP web.whatsapp.com ${address}:${port},MAP * ~NOTFOUND` : 'MAP * ~NOTFOUND'
  )

/** Writes the program to name in CHROMIUM_PATH. @returns its path */
export const writeWrapper = async (
  directory: string,
  port: number,
  spki: string,
  { address = '127.0.0.1', program }: { address?: string; program: string }
): Promise<string> => {
  await writeHostRules(directory, port, true, address)
  const path = join(directory, 'chromium')
  // exec, so that the process and its command line are Chromium's own; the environment may be all
  // but empty
  await writeFile(
    path,
    `#!/bin/sh
# Chromium in which web.whatsapp.com is the simulated one on port ${port}.
exec ${program} --host-resolver-rules="$(/bin/cat '${directory}/host-rules')" \\
  --ip-address-space-overrides=${address}:${port}=public \\
  --ignore-certificate-errors-spki-list=${spki} --simulated-whatsapp=${port} "$@"
`
  )
  await chmod(path, 0o755)
  return path
}

/**
 * The processes of the Chromium started by the wrapper of that port: all, the browser first, or
 * those of one type such as `renderer`.
 */
export const chromiumProcesses = async (port: number, type?: string): Promise<number[]> => {
  const processes = new Map<number, { parent: number; args: string[] }>()
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    // a process may end while it is looked at
    const [status, line] = await Promise.all(
      ['status', 'cmdline'].map((file) =>
        readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '')
      )
    )
    const parent = Number(/^PPid:\s*(\d+)$/m.exec(status ?? '')?.[1] ?? 0)
    // Chromium's children overwrite their command line with one text
    processes.set(Number(entry), { parent, args: (line ?? '').split(/\0| (?=--)/) })
  }
  const ours = (pid: number): boolean => {
    const found = processes.get(pid)
    return (
      found !== undefined &&
      (found.args.includes(`--simulated-whatsapp=${port}`) || ours(found.parent))
    )
  }
  const ofType = (args: string[]): boolean => type === undefined || args.includes(`--type=${type}`)
  const found = [...processes].filter(([pid, { args }]) => ofType(args) && ours(pid))
  // numbers begin anew at some time: a child may have a lower one than the browser
  return found
    .sort(([, a], [, b]) => Number(ours(a.parent)) - Number(ours(b.parent)))
    .map(([pid]) => pid)
}
