/** A JSON answer as it goes over the wire. */
export interface TaggedAnswer {
  etag: string
  bytes: Buffer
}

/** The size of all cached answers, bytes. */
const maxBytes = 4 * 1024 ** 2

/**
 * Caches answers that follow from the store alone, by URL, until the store changes. Every request
 * asks for the version first, so no answer is older than its request.
 */
export class ResponseCache {
  /** Gives another text after each change of the store. */
  readonly #readVersion: () => Promise<string>
  readonly #answers = new Map<string, TaggedAnswer>()
  #bytes = 0
  #version: string | undefined

  constructor(readVersion: () => Promise<string>) {
    this.#readVersion = readVersion
  }

  async get(url: string, make: () => Promise<TaggedAnswer>): Promise<TaggedAnswer> {
    const version = await this.#readVersion()
    if (version !== this.#version) this.#clear()
    this.#version = version
    const cached = this.#answers.get(url)
    if (cached !== undefined) return cached
    const made = await make()
    // If the store changed during the read, the answer may be from before or after the change.
    if (version === this.#version) this.#add(url, made)
    return made
  }

  #add(url: string, answer: TaggedAnswer): void {
    const { length } = answer.bytes
    if (this.#answers.has(url) || length > maxBytes) return
    if (this.#bytes + length > maxBytes) this.#clear()
    this.#answers.set(url, answer)
    this.#bytes += length
  }

  #clear(): void {
    this.#answers.clear()
    this.#bytes = 0
  }
}
