import { setTimeout as delay } from 'node:timers/promises'
import type { Erased } from '../../contract/session.ts'
import type { Log } from '../../platform/log.ts'
import type { ErasedPerson } from './adopted-erasures.ts'
import type { Journal } from './journal.ts'
import { deleteErasedMedia } from './media.ts'

interface EraserOptions {
  journal: Journal
  /** The directory of the media. */
  directory: string
  /**
   * Deletes from NATS what was erased; undefined where records are not forwarded. `again`: the same
   * request as before.
   */
  purge?: ((again: boolean, waitedMs: number) => Promise<void>) | undefined
  /** Called when an erasure is done that hubs and other hosts are to follow. */
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
  /**
   * Addresses of the person whose records are being deleted from NATS, or could not be deleted in
   * time.
   */
  #unpurged: ReadonlySet<string> = new Set()

  constructor(options: EraserOptions) {
    this.#options = options
  }

  /** @param more whether further requests follow. The file is rewritten after the last request. */
  erase(chatIds: readonly string[], messageIds: readonly string[], more: boolean): Promise<Erased> {
    const startedAt = performance.now()
    const erased = this.#last.then(() => this.#erase(chatIds, messageIds, more, startedAt))
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
    // NATS may have records of this host that quote what was erased.
    journal.setMark('purge_due', Date.now())
    this.#announce()
    log.info(
      { event: 'erased', records, files },
      `erased ${records} records and ${files} media files for good, ` +
        'as another host of the account did'
    )
  }

  async #erase(
    chatIds: readonly string[],
    messageIds: readonly string[],
    more: boolean,
    startedAt: number
  ): Promise<Erased> {
    const { journal, directory, log } = this.#options
    const { records, addresses } = await this.#eraseRecords(chatIds, messageIds)
    if (!more) journal.finishErasing()
    const files = await deleteErasedMedia(journal, directory)
    // A request without chats is for messages that the hub retires by their age. They leave NATS by
    // their age, too, and other hubs by their own RETENTION.
    if (chatIds.length > 0) {
      await this.#purge(records, addresses, startedAt)
      // With NATS the forwarder announces it, once NATS has none of these records. If it came
      // sooner, a hub would delete them and take them again.
      if (this.#options.purge === undefined) this.#announce()
    }
    log.info(
      { event: 'erased', records, files },
      `erased ${records} records and ${files} media files for good, on request`
    )
    const erased: Erased = { records, media_files: files }
    if (addresses.length > 0) erased.chat_ids = addresses
    return erased
  }

  /** Has the hubs follow the erasure. */
  #announce(): void {
    this.#options.journal.noteErasure()
    this.#options.onErased?.()
  }

  /**
   * A request that is repeated because NATS took long continues the purge that it had begun.
   * Otherwise it might never end.
   */
  async #purge(records: number, addresses: readonly string[], startedAt: number): Promise<void> {
    const again =
      records === 0 &&
      addresses.length > 0 &&
      addresses.every((address) => this.#unpurged.has(address))
    this.#unpurged = new Set(addresses)
    await this.#options.purge?.(again, performance.now() - startedAt)
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
   * Pauses after each group for as long as the group took, so that messages and the watchdog have
   * half of the time.
   */
  async #inGroups<T>(groups: Generator<number, T>): Promise<{ records: number; result: T }> {
    let records = 0
    for (;;) {
      const startedAt = performance.now()
      const { value, done } = groups.next()
      if (done === true) return { records, result: value }
      records += value
      await delay(performance.now() - startedAt)
    }
  }
}
