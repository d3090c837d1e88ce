import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Resolves when a file, or the names in a directory, are on the disk. */
export const oneToDisk = async (path: string): Promise<void> => {
  const handle = await open(path)
  await handle.sync().finally(() => handle.close())
}

/** Resolves when a directory, everything in it, and its own name are on the disk. */
export const toDisk = async (directory: string): Promise<void> => {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) await oneToDisk(join(entry.parentPath, entry.name))
  }
  await oneToDisk(directory)
  await oneToDisk(join(directory, '..'))
}
