import type * as packaged from 'leadmaster/client'
import type * as source from '../../src/client/index.ts'

/**
 * The package's types are written out from the schemas: they must be those that the contract
 * infers. Checked by tsc.
 */

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
type Inputs = { [Id in packaged.CallId]: Same<packaged.Input<Id>, source.Input<Id>> }
type Outputs = { [Id in packaged.CallId]: Same<packaged.Output<Id>, source.Output<Id>> }
type Different<Checks> = {
  [Id in keyof Checks]: Checks[Id] extends true ? never : Id
}[keyof Checks]

type None<T extends never> = T
export type NoInputDiffers = None<Different<Inputs>>
export type NoOutputDiffers = None<Different<Outputs>>
export const asPackaged = (hub: source.Client): packaged.Client => hub
export const asSource = (hub: packaged.Client): source.Client => hub
