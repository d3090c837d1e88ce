import type { Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import type { Installation } from '../installation/installation.ts'

/** The input of a check. */
export interface Asked {
  host: Host
  installation: Installation
  /**
   * The first fault so far of a service, which may be the cause of a further one. @param names
   * of the checks; without names, any check
   */
  cause(service: string, ...names: string[]): Finding | undefined
}

export type Check = (asked: Asked) => Promise<Finding[]>
