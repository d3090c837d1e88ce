import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A package as package-lock.json has it. */
interface Locked {
  version: string
  name?: string
  integrity?: string
  license?: string
  dev?: boolean
  optional?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const fail = (): never => {
  throw new Error('package-lock.json does not name its own package')
}
const urlOf = (name: string, version: string): string =>
  `pkg:npm/${name.replace('@', '%40')}@${version}`
const inHex = (integrity: string): string =>
  Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex')
const asLicence = (license: string): object =>
  /[ ()]/.test(license) ? { expression: license } : { license: { id: license } }

/**
 * What LeadMaster is made of, as CycloneDX (https://cyclonedx.org): each package of
 * package-lock.json that is not for development alone, with version, hash and licence, and what
 * each needs. The same package-lock.json gives the same bytes. `npm sbom --omit=dev` is not used,
 * for it leaves out what something of development needs as well: 53 of them, debug and content-type
 * among these.
 */
export const sbom = (root: string): string => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>
  }
  const { version: own, license = '' } = packages[''] ?? fail()
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  const nameOf = (path: string): string =>
    packages[path]?.name ?? path.replace(/^.*node_modules\//, '')
  const refOf = (path: string): string =>
    path === '' ? `leadmaster@${own}` : `${path}@${packages[path]?.version}`
  /**
   * Where node finds a package that the one at `path` asks for: in its own node_modules, else in
   * those around it.
   */
  const found = (path: string, name: string): string | undefined => {
    for (let around = path; ; around = around.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
      const at = `${around === '' ? '' : `${around}/`}node_modules/${name}`
      if (packages[at] !== undefined) return packages[at].dev === true ? undefined : at
      if (around === '') return undefined
    }
  }
  const needs = (path: string): string[] => {
    const { dependencies, optionalDependencies, peerDependencies } = packages[path] ?? {}
    const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    return [...new Set(names.flatMap((name) => found(path, name) ?? []))].map(refOf).sort()
  }
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': refOf(''),
        name: 'leadmaster',
        version: own,
        purl: urlOf('leadmaster', own),
        licenses: [asLicence(license)]
      }
    },
    components: shipped.map(([path, { version, integrity, license: its, optional }]) => ({
      type: 'library',
      'bom-ref': refOf(path),
      name: nameOf(path),
      version,
      scope: optional === true ? 'optional' : 'required',
      purl: urlOf(nameOf(path), version),
      ...(integrity === undefined
        ? {}
        : { hashes: [{ alg: 'SHA-512', content: inHex(integrity) }] }),
      ...(its === undefined ? {} : { licenses: [asLicence(its)] })
    })),
    dependencies: ['', ...shipped.map(([path]) => path)].map((path) => ({
      ref: refOf(path),
      dependsOn: needs(path)
    }))
  }
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex')
  // a UUID of version 8, made of the content, RFC 9562
  const serialNumber = `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(12, 15)}-8${digest.slice(15, 18)}-${digest.slice(18, 30)}`
  return `${JSON.stringify({ ...document, serialNumber }, undefined, 1)}\n`
}
