import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { omitUndefined } from '../src/platform/omit-undefined.ts'

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

/** A package-lock.json, which knows who needs which package. */
class Lockfile {
  readonly #packages: Readonly<Record<string, Locked>>
  readonly own: Locked

  constructor(packages: Readonly<Record<string, Locked>>) {
    this.#packages = packages
    this.own = packages[''] ?? fail()
  }

  /** Paths and packages that are not for development alone. */
  shipped(): [path: string, locked: Locked][] {
    return Object.entries(this.#packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  }

  nameOf(path: string): string {
    return this.#packages[path]?.name ?? path.replace(/^.*node_modules\//, '')
  }

  refOf(path: string): string {
    if (path === '') return `leadmaster@${this.own.version}`
    return `${path}@${this.#packages[path]?.version}`
  }

  /** References of the packages that the one at `path` needs. */
  needs(path: string): string[] {
    const { dependencies, optionalDependencies, peerDependencies } = this.#packages[path] ?? {}
    const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })
    const paths = new Set(names.flatMap((name) => this.#find(path, name) ?? []))
    return [...paths].map((each) => this.refOf(each)).sort()
  }

  /** Where Node finds a package that the one at `path` imports: in the nearest node_modules. */
  #find(path: string, name: string): string | undefined {
    for (let around = path; ; around = around.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
      const at = `${around === '' ? '' : `${around}/`}node_modules/${name}`
      const locked = this.#packages[at]
      if (locked !== undefined) return locked.dev === true ? undefined : at
      if (around === '') return undefined
    }
  }
}

const componentOf = (lockfile: Lockfile, path: string, locked: Locked): object => {
  const { version, integrity, license, optional } = locked
  const hash = integrity === undefined ? undefined : { alg: 'SHA-512', content: inHex(integrity) }
  return omitUndefined({
    type: 'library',
    'bom-ref': lockfile.refOf(path),
    name: lockfile.nameOf(path),
    version,
    scope: optional === true ? 'optional' : 'required',
    purl: urlOf(lockfile.nameOf(path), version),
    hashes: hash && [hash],
    licenses: license === undefined ? undefined : [asLicence(license)]
  })
}

/** A UUID of version 8, made of the content, RFC 9562. */
const uuidOf = (content: string): string => {
  const digest = createHash('sha256').update(content).digest('hex')
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(12, 15)}`,
    `8${digest.slice(15, 18)}`,
    digest.slice(18, 30)
  ].join('-')
}

/**
 * The packages of LeadMaster as CycloneDX (https://cyclonedx.org): each package of
 * package-lock.json that is not for development alone, with its version, hash, licence and
 * dependencies. The same package-lock.json gives the same bytes. `npm sbom --omit=dev` is not used,
 * because it leaves out 53 packages that development needs too, debug and content-type among these.
 */
export const sbom = (root: string): string => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>
  }
  const lockfile = new Lockfile(packages)
  const { version, license = '' } = lockfile.own
  const shipped = lockfile.shipped()
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': lockfile.refOf(''),
        name: 'leadmaster',
        version,
        purl: urlOf('leadmaster', version),
        licenses: [asLicence(license)]
      }
    },
    components: shipped.map(([path, locked]) => componentOf(lockfile, path, locked)),
    dependencies: ['', ...shipped.map(([path]) => path)].map((path) => ({
      ref: lockfile.refOf(path),
      dependsOn: lockfile.needs(path)
    }))
  }
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`
  return `${JSON.stringify({ ...document, serialNumber }, undefined, 1)}\n`
}
