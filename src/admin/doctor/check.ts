import type { Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import type { Installation } from '../installation/installation.ts'

/** What a check is given. */
export interface Asked {
  host: Host
  installation: Installation
  /**
   * The first fault so far of a service, of these checks or of any: what would make a further fault
   * its mere consequence.
   */
  cause(service: string, ...names: string[]): Finding | undefined
}

export type Check = (asked: Asked) => Promise<Finding[]>
