import { flushCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 collect before its heap has grown by more than 20 %, for a daemon that mostly waits. Not
 * on the command line: there it makes another V8 of it, for which Node compiles its own modules
 * anew, 45 ms of a start. So it is for when all is loaded; and what was compiled is written before,
 * for with the flag it would be refused at the next start.
 */
export const keepHeapSmall = (): void => {
  flushCompileCache()
  setFlagsFromString('--heap-growing-percent=20')
}
