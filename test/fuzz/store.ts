import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../../src/central-hub/store/open.ts'

/**
 * A directory that goes with the process, or before; in memory where there is a file system of it,
 * for nothing here is to be kept.
 */
export const ownDirectory = (): { directory: string; remove: () => void } => {
  const directory = mkdtempSync(
    join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'leadmaster-fuzz-')
  )
  const remove = (): void => {
    process.off('exit', remove)
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return { directory, remove }
}

/** A store in a directory of its own, which goes when it is closed. */
export const ownStore = async (): Promise<Store> => {
  const { directory, remove } = ownDirectory()
  const store = await openStore(directory)
  return {
    ...store,
    close: async () => {
      await store.close()
      remove()
    }
  }
}
