import { Counter, type Registry } from 'prom-client'
import type { Log } from '../../platform/log.ts'
import type { StanzaCount } from '../whatsapp/wire-guard.ts'

/** The metrics have labels for so many kinds of stanzas. The rest share the labels `other`. */
const maxKinds = 100

/** Counts what the send guard allowed and refused, and names each refused kind once in the log. */
export class OutboundCounts {
  readonly #allowed: Counter<'tag' | 'type'>
  readonly #refused: Counter<'tag' | 'type'>
  readonly #kinds = new Set<string>()
  readonly #named = new Set<string>()
  readonly #log: Log

  constructor(registry: Registry, log: Log) {
    const labelNames = ['tag', 'type'] as const
    this.#allowed = new Counter({
      name: 'leadmaster_outbound_allowed_total',
      help: 'stanzas that WhatsApp Web sent by itself and the send guard allowed, by tag and type',
      labelNames,
      registers: [registry]
    })
    this.#refused = new Counter({
      name: 'leadmaster_outbound_refused_total',
      help:
        'attempts to send that the send guard refused, by tag and type; ' +
        'tag "function" is one of the functions that whatsapp-web.js sends by',
      labelNames,
      registers: [registry]
    })
    this.#log = log
  }

  add(counts: readonly StanzaCount[]): void {
    for (const { isAllowed, count, ...kind } of counts) {
      const labels = this.#bounded(kind)
      if (isAllowed) this.#allowed.inc(labels, count)
      else this.#onRefused(labels, count)
    }
  }

  #bounded(kind: { tag: string; type: string }): { tag: string; type: string } {
    const key = `${kind.tag} ${kind.type}`
    if (this.#kinds.size < maxKinds) this.#kinds.add(key)
    return this.#kinds.has(key) ? kind : { tag: 'other', type: 'other' }
  }

  #onRefused(labels: { tag: string; type: string }, count: number): void {
    this.#refused.inc(labels, count)
    const key = `${labels.tag} ${labels.type}`
    if (this.#named.has(key)) return
    this.#named.add(key)
    this.#log.warn(
      { event: 'outbound_refused', ...labels },
      `The send guard refused what the page tried to send: ${key}. ` +
        'Later attempts of this kind are only counted.'
    )
  }
}
