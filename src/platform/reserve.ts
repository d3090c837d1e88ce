import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Room that is kept free in a state directory. A database needs some to be opened, even for reading
 * alone: on a disk that is full nothing could start, and nobody could read. When opening fails for
 * that reason, the reserve is given up. It is made again once there is room.
 */
export class Reserve {
  static readonly bytes = 1024 ** 2
  /** The disk must have this much left besides. */
  static readonly #spareBytes = 64 * 1024 ** 2
  readonly #directory: string
  readonly #file: string

  constructor(directory: string) {
    this.#directory = directory
    this.#file = join(directory, 'reserve')
  }

  get #isThere(): boolean {
    return statSync(this.#file, { throwIfNoEntry: false })?.size === Reserve.bytes
  }

  /**
   * Makes it, unless it is there or the disk has little room. @throws when the directory cannot be
   * written
   */
  fill(): void {
    if (this.#isThere) return
    const { bavail, bsize } = statfsSync(this.#directory)
    if (bavail * bsize < Reserve.#spareBytes) return
    try {
      writeFileSync(this.#file, Buffer.alloc(Reserve.bytes), { mode: 0o600 })
    } catch (error) {
      rmSync(this.#file, { force: true })
      throw error
    }
  }

  /** Gives the room up. @returns whether there was any */
  release(): boolean {
    const wasThere = this.#isThere
    rmSync(this.#file, { force: true })
    return wasThere
  }
}
