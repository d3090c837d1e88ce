import type { Remapped } from '../contract/session.ts'
import type { Log } from '../platform/log.ts'
import { mediaLimitsOf, type Config } from './config.ts'
import type { Journal } from './journal/journal.ts'
import type { MediaFetcher } from './journal/media-fetcher.ts'
import { remapSome, UpgradeRemap } from './journal/remap.ts'
import { mapperVersion } from './whatsapp/message.ts'
import { remap } from './whatsapp/remap.ts'

interface RemappingOptions {
  config: Config
  journal: Journal
  media: MediaFetcher
  /** Whether this host has the account. */
  isOurs: () => boolean
  log: Log
}

/** Maps the journal again: once after an upgrade, and on request. */
export class Remapping {
  readonly #options: RemappingOptions
  readonly #upgrade: UpgradeRemap

  constructor(options: RemappingOptions) {
    const { journal, isOurs, log } = options
    this.#options = options
    this.#upgrade = new UpgradeRemap({
      journal,
      log,
      version: mapperVersion,
      remapPart: (after, limit) => this.#remapPart(after, false, limit),
      isOurs
    })
  }

  /** Maps a part of the journal on request. @param isTrial only counts what would change */
  remap(after: number, isTrial: boolean): Remapped {
    const remapped = this.#remapPart(after, isTrial)
    if (remapped.changed > 0 && !isTrial)
      this.#options.log.info(
        { event: 'remapped', records: remapped.changed, version: mapperVersion },
        `${remapped.changed} messages were mapped again`
      )
    return remapped
  }

  /** Stops the remap of an upgrade. The next start continues it. */
  stop(): Promise<void> {
    return this.#upgrade.stop()
  }

  #remapPart(after: number, isTrial: boolean, limit?: number): Remapped {
    const { config, journal, media } = this.#options
    const remapped = remapSome({
      journal,
      remap: (record, raw) => remap(record, raw, mediaLimitsOf(config)),
      version: mapperVersion,
      after,
      isTrial,
      limit
    })
    if (remapped.changed > 0 && !isTrial) media.wake()
    return remapped
  }
}
