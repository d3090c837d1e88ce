import { harmless } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import type { NewRecord } from '../journal/journal.ts'
import type { MediaLimits } from '../journal/media-limits.ts'
import type { PageCall } from './callbacks.ts'
import { earRecords, newRecordsOfCall } from './ear-events.ts'
import { HeldCapture } from './held-capture.ts'
import type { Mapping } from './message.ts'

interface PageCaptureOptions {
  media: MediaLimits
  /** Whether channels and status updates are captured, too. */
  broadcasts: boolean
  /** Whether raw models are kept beside what is mapped. */
  keepRaw: boolean
  onCaptured: (newRecords: NewRecord[]) => void
  /** Only one of the library and our own listeners reported something of this kind. */
  onDifference: (kind: string) => void
  log: Log
}

/** Turns what the page reports into new records. They are held back until its send guard holds. */
export class PageCapture {
  readonly held: HeldCapture
  /** How models are mapped. The ids of the account become known when the session is READY. */
  readonly mapping: { me: string[] } & Mapping
  readonly #onDifference: (kind: string) => void
  readonly #log: Log
  /** Names of fields whose absence was logged. */
  readonly #unreadable = new Set<string>()
  /** Kinds of differences that were logged since the session became READY. */
  readonly #differences = new Set<string>()

  constructor({ media, broadcasts, keepRaw, onCaptured, onDifference, log }: PageCaptureOptions) {
    this.held = new HeldCapture(onCaptured, log)
    this.mapping = { media, me: [], broadcasts, keepRaw }
    this.#onDifference = onDifference
    this.#log = log
  }

  /** Takes what our own listeners in the page reported. */
  addFromEar(kind: unknown, raw: unknown, previous: unknown): void {
    this.#add(earRecords(kind, raw, previous, this.mapping))
  }

  /** Takes a call that a callback of whatsapp-web.js failed at. */
  addFromFailedCallback(error: unknown, call: PageCall = ['']): void {
    this.#log.warn(
      { event: 'callback_failed', err: error },
      'whatsapp-web.js could not make use of what the page told it'
    )
    this.#add(newRecordsOfCall(call, this.mapping))
  }

  /** A message lacks these fields. It is captured as far as it can be read. */
  onUnreadable(fields: string[]): void {
    const names = fields.join(', ')
    if (this.#unreadable.has(names)) return
    this.#unreadable.add(names)
    this.#log.error(
      { event: 'message_unreadable', fields },
      `WhatsApp Web has changed: its messages have no ${names} as before; ` +
        'they are captured as far as they can be read'
    )
  }

  /** The library and our own listeners did not report the same. */
  onDifference(kind: string, detail: unknown): void {
    this.#onDifference(kind)
    if (this.#differences.has(kind)) return
    this.#differences.add(kind)
    // An error of the page may name a message.
    const line = { event: 'ear_difference', kind, detail: harmless(String(detail ?? '')) }
    this.#log.warn(
      line,
      'whatsapp-web.js and our own listeners in the page do not hear the same ' +
        `(${kind}): all that either hears is captured`
    )
  }

  /** The differences are logged again from now on. */
  clearDifferences(): void {
    this.#differences.clear()
  }

  #add(newRecords: NewRecord[]): void {
    if (newRecords.length > 0) this.held.add(newRecords)
  }
}
