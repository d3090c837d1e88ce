import type { Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import type { Wiring } from '../installation/wiring.ts'

/** What a check is given. */
export interface Asked {
  host: Host
  wiring: Wiring
  /**
   * The first fault so far of a service, of these checks or of any: what would make a further fault
   * its mere consequence.
   */
  cause(service: string, ...names: string[]): Finding | undefined
}

export type Check = (asked: Asked) => Promise<Finding[]>
