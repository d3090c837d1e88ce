import { setTimeout as delay } from 'node:timers/promises'
import type { Erased } from '../../contract/session.ts'
import type { Log } from '../../platform/log.ts'
import type { ErasedPerson } from './adopted-erasures.ts'
import type { Journal } from './journal.ts'
import { deleteErasedMedia } from './media.ts'

interface EraserOptions {
  journal: Journal
  /** Of the media. */
  directory: string
  /** Deletes from NATS what was erased; undefined where records are not forwarded. */
  purge?: ((again: boolean, waitedMs: number) => Promise<void>) | undefined
  /** Called when an erasure that others are to follow is done. */
  onErased?: () => void
  log: Log
}

/**
 * Erases on request, one request after the other: the journal, media files, and what was forwarded
 * to NATS.
 */
export class Eraser {
  readonly #options: EraserOptions
  #last: Promise<unknown> = Promise.resolve()
  /** Addresses of the person whose records are being deleted from NATS, or could not be in time. */
  #unpurged: ReadonlySet<string> = new Set()

  constructor(options: EraserOptions) {
    this.#options = options
  }

  /** @param more whether further requests follow: the file is rewritten after the last one */
  erase(chatIds: readonly string[], messageIds: readonly string[], more: boolean): Promise<Erased> {
    const began = performance.now()
    const erased = this.#last.then(() => this.#erase(chatIds, messageIds, more, began))
    this.#last = erased.catch(() => undefined)
    return erased
  }

  /** Erases what another host of the account was asked to erase. */
  adopt(people: readonly ErasedPerson[]): Promise<void> {
    const adopted = this.#last.then(() => this.#adopt(people))
    this.#last = adopted.catch(() => undefined)
    return adopted
  }

  async #adopt(people: readonly ErasedPerson[]): Promise<void> {
    const { journal, directory, log } = this.#options
    const { records, result: isNew } = await this.#inGroups(journal.eraseAdopted(people))
    if (!isNew) return
    journal.finishErasing()
    const files = await deleteErasedMedia(journal, directory)
    // In NATS there may be records of this host that quote what was erased.
    journal.setMark('purge_due', Date.now())
    this.#tellOthers()
    log.info(
      { event: 'erased', records, files },
      `erased ${records} records and ${files} media files for good, as another host of the account did`
    )
  }

  async #erase(
    chatIds: readonly string[],
    messageIds: readonly string[],
    more: boolean,
    began: number
  ): Promise<Erased> {
    const { journal, directory, log } = this.#options
    const { records, addresses } = await this.#eraseRecords(chatIds, messageIds)
    if (!more) journal.finishErasing()
    const files = await deleteErasedMedia(journal, directory)
    // What the hub retires by its age leaves NATS by its age, too, and other hubs by their own
    // RETENTION.
    if (chatIds.length > 0) {
      await this.#purge(records, addresses, began)
      // With NATS the forwarder does, when that has nothing of it: sooner, a hub would delete it
      // and take it again.
      if (this.#options.purge === undefined) this.#tellOthers()
    }
    log.info(
      { event: 'erased', records, files },
      `erased ${records} records and ${files} media files for good, on request`
    )
    const erased: Erased = { records, media_files: files }
    if (addresses.length > 0) erased.chat_ids = addresses
    return erased
  }

  #tellOthers(): void {
    this.#options.journal.noteErasure()
    this.#options.onErased?.()
  }

  /**
   * A request that is made once more, because NATS took long, goes on with what it had begun: else
   * it might never end.
   */
  async #purge(records: number, addresses: readonly string[], began: number): Promise<void> {
    const again =
      records === 0 &&
      addresses.length > 0 &&
      addresses.every((address) => this.#unpurged.has(address))
    this.#unpurged = new Set(addresses)
    await this.#options.purge?.(again, performance.now() - began)
    this.#unpurged = new Set()
  }

  async #eraseRecords(
    chatIds: readonly string[],
    messageIds: readonly string[]
  ): Promise<{ records: number; addresses: string[] }> {
    const { records, result } = await this.#inGroups(
      this.#options.journal.eraseInGroups({ chatIds, messageIds })
    )
    return { records, addresses: result }
  }

  /**
   * After each group it rests for as long as that took: messages and the watchdog have half of the
   * time.
   */
  async #inGroups<T>(groups: Generator<number, T>): Promise<{ records: number; result: T }> {
    let records = 0
    for (;;) {
      const began = performance.now()
      const { value, done } = groups.next()
      if (done === true) return { records, result: value }
      records += value
      await delay(performance.now() - began)
    }
  }
}
