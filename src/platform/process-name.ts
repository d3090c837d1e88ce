import { writeFileSync } from 'node:fs'

/**
 * Has ps, ss and top show this process by its name: Node calls its thread MainThread. The command
 * line stays as it is. The kernel keeps 15 characters. proc(5)
 */
export const nameProcess = (name: string): void => {
  try {
    writeFileSync('/proc/self/comm', name.slice(0, 15))
  } catch {
    // where /proc is closed it has the name that Node gave it, and works all the same
  }
}
