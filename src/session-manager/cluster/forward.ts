import type { Log } from '../../platform/log.ts'
import { connectNats, type Nats, type NatsConfig } from '../../platform/nats/nats.ts'
import { ErasureExchange, type ErasureExchangeOptions } from './erasure-exchange.ts'
import { Forwarder } from './forwarder.ts'
import type { Journal } from '../journal/journal.ts'

/** The variables for forwarding. */
export interface ForwardConfig extends NatsConfig {
  ACCOUNT: string
  /** ms */
  SHUTDOWN_TIMEOUT: number
}

interface ForwardingOptions {
  config: ForwardConfig
  journal: Journal
  /** As the forwarder has it. */
  fencingTerm: () => number | undefined
  log: Log
  /** Called when the fault that keeps records from NATS has changed. */
  onChange: () => void
  /** As the forwarder has it. */
  onPurged: () => void
  adopt: ErasureExchangeOptions['adopt']
}

/**
 * Of SHUTDOWN_TIMEOUT: forwarding the rest may take this long. Chromium and a backup have their
 * part before and after.
 */
const finishShare = 0.2

/** Forwards the journal to NATS over a connection of its own. */
export class Forwarding {
  readonly nats: Nats
  readonly #exchange: ErasureExchange
  readonly #forwarder: Forwarder
  readonly #onChange: () => void
  #reportedFault: string | undefined

  constructor({ config, journal, fencingTerm, log, onChange, onPurged, adopt }: ForwardingOptions) {
    const { ACCOUNT: account, NATS_REPLICAS: replicas } = config
    this.#onChange = onChange
    this.nats = connectNats({
      servers: config.NATS_URL,
      credentials: config.NATS_CREDENTIALS,
      ca: config.NATS_CA,
      name: `leadmaster session-manager ${account}`,
      log,
      onChange: () => this.#reportChange()
    })
    const { nats } = this
    this.#exchange = new ErasureExchange({ account, journal, nats, replicas, adopt, log })
    this.#forwarder = new Forwarder({
      exchange: this.#exchange,
      journal,
      account,
      nats,
      replicas,
      keepMs: config.NATS_RETENTION,
      fencingTerm,
      log,
      onChange: () => this.#reportChange(),
      onPurged,
      finishMs: config.SHUTDOWN_TIMEOUT * finishShare
    })
  }

  state(): ReturnType<Forwarder['state']> {
    return this.#forwarder.state()
  }

  /** As the forwarder has it. */
  purge(again: boolean, waitedMs: number): Promise<void> {
    return this.#forwarder.purge(again, waitedMs)
  }

  /** Stops forwarding. The connection stays open: the lease is given up over it. */
  async stop(): Promise<void> {
    await this.#exchange.stop()
    await this.#forwarder.stop()
  }

  /** Closes the connection. */
  close(): Promise<void> {
    return this.nats.close()
  }

  #reportChange(): void {
    const { fault } = this.#forwarder.state()
    if (fault === this.#reportedFault) return
    this.#reportedFault = fault
    this.#onChange()
  }
}
